// Paths name executions: `stats`, later `chunks[3]/parse` or `byCity{Oslo}/sum`. The signs that structure a path are
// escaped in labels, so that every label is safe and a path parses back.

const STRUCTURE = /[%/[\]{}*]/g;

/** The path of a plain node: its label, with `% / [ ] { } *` written as `%XX`. */
export function pathOf(label: string): string {
  return label.replace(STRUCTURE, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
