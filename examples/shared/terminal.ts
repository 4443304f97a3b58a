// How the command line speaks: results on stdout, everything else on stderr, and an exit code.

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
/** What a shell reports of a program that Ctrl-C ended. */
export const EXIT_INTERRUPTED = 130;

/** Writes a result. */
export function print(text: string): typeof EXIT_OK {
  process.stdout.write(text);
  return EXIT_OK;
}

/** Writes a line that is no result. */
export function complain(message: string): void {
  process.stderr.write(`${message}\n`);
}
