// Where `npm start` begins: reads the command line, carries it out, and turns the outcome into an exit code.

import { HeddleError } from "heddle";
import { birdstrikesJob } from "./birdstrikes/job.js";
import { type Command, readCommand, UsageError } from "./command-line.js";
import { help, mermaid, runAndReplay } from "./commands.js";
import { flightsJob } from "./flights/job.js";
import { complain, EXIT_FAILED } from "./shared/terminal.js";

const JOBS = [birdstrikesJob, flightsJob];

/** Carries out a command and returns the exit code. */
function carryOut(command: Command): number | Promise<number> {
  switch (command.verb) {
    case "help":
      return help(JOBS);
    case "mermaid":
      return mermaid(command.job);
    case "run":
      return runAndReplay(command.job, command.rerun);
  }
}

/** Tells errors that the caller can mend from faults of the program, which keep their stack. */
function isMisuse(error: unknown): error is Error {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return error instanceof HeddleError || error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS");
}

// Somebody closed the pipe, as `head` does: there is nobody left to print for.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  process.exitCode = await carryOut(readCommand(process.argv.slice(2), JOBS));
} catch (error) {
  if (!isMisuse(error)) throw error;
  complain(error.message);
  process.exitCode = EXIT_FAILED;
}
