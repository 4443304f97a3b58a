// Whether an event follows from those before it. A store tells what was written; this tells whether a run can have
// written it, so that nothing is made of a journal that was put together wrongly.

import type { Composed, JournalEvent } from "../events.js";
import type { RunState } from "./run-state.js";

type Placed = Extract<JournalEvent, { attempt: number }>;

/** Says what is wrong with an event that cannot come after this state; nothing if it can. */
export function nonsense(state: RunState, event: JournalEvent): string | undefined {
  switch (event.type) {
    case "run-pruned":
    case "run-resumed":
    // Also a second end: an owner that lost the run may have written its own, and changes nothing with it.
    case "run-completed":
    case "run-paused":
    case "run-cancelled":
    case "run-failed":
      return undefined;
    case "run-started":
      return "starts the run a second time";
  }
  if (state.status !== "running") return `comes after the run was ${state.status}`;
  switch (event.type) {
    case "node-reused":
      return ofItself(event.composed);
    case "node-completed":
      return ofAttempt(state, event) ?? ofItself(event.composed);
    default:
      return ofAttempt(state, event);
  }
}

/**
 * Attempts of a path come one after the other. What ended in any way but with an output may be told another end by the
 * next owner, who asks how an effect came out; and who was given up may still log.
 */
function ofAttempt({ nodes }: RunState, { type, path, attempt }: Placed): string | undefined {
  const last = nodes.get(path)?.attempts.at(-1);
  if (type === "node-started") {
    if (!last || last.attempt < attempt) return undefined;
    return `starts attempt ${attempt} of "${path}" after attempt ${last.attempt}`;
  }
  if (type === "node-log" || type === "node-progress") {
    return last && attempt <= last.attempt
      ? undefined
      : `speaks of attempt ${attempt} of "${path}", which never started`;
  }
  if (last?.attempt !== attempt) return `speaks of attempt ${attempt} of "${path}", which never started`;
  return last.status === "completed" ? `speaks of attempt ${attempt} of "${path}", which is completed` : undefined;
}

/** Whoever asks for such an output would go round in circles. */
function ofItself(composed: Composed | undefined): string | undefined {
  const isCircle = composed?.kind === "one" && composed.sink === "" && !composed.element;
  return isCircle ? "makes an output of itself" : undefined;
}
