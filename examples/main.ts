// Where `npm start` begins: reads the command line, carries it out, and turns the outcome into an exit code.

import { HeddleError, type RunHead, toMermaid } from "heddle";
import { birdstrikesJob } from "./birdstrikes/job.js";
import { type Command, readCommand } from "./command-line.js";
import * as commands from "./commands.js";
import { flightsJob } from "./flights/job.js";
import { helpText } from "./help.js";
import { Records } from "./records.js";
import type { Job } from "./shared/job.js";
import { complain, EXIT_FAILED, outliveReaders, print, UsageError } from "./shared/terminal.js";
import { Workbench } from "./workbench.js";

/** The first is the one to run if none is named. */
const JOBS = [birdstrikesJob, flightsJob] as const;

/** Carries out a command and returns the exit code. */
async function carryOut(command: Command, tools: commands.Tools): Promise<number> {
  const { records } = tools;
  const { job = JOBS[0] } = command;
  switch (command.verb) {
    case "help":
      return print(helpText(JOBS));
    case "mermaid":
      return print(toMermaid(job.dag));
    case "runs":
      return commands.list(records, command.job);
    case "start":
      return commands.start(tools, job, command.fresh);
    case "inspect":
      return commands.inspect(records, await records.find(command.run, command.job));
    case "restart": {
      const run = await records.find(command.run, command.job);
      return commands.restart(tools, jobOf(run), run);
    }
    case "replay": {
      const of = command.of === undefined ? undefined : await records.find(command.of, command.job);
      return commands.replay(tools, of ? jobOf(of) : job, { of, rerun: command.rerun });
    }
  }
}

function jobOf({ runId, dag }: RunHead): Job {
  const job = JOBS.find(({ name }) => name === dag);
  if (job) return job;
  throw new UsageError(
    `Run ${runId} is one of "${dag}". The jobs here are ${JOBS.map(({ name }) => name).join(", ")}.`,
  );
}

/** Tells errors that the caller can mend from faults of the program, which keep their stack. */
function isMisuse(error: unknown): error is Error {
  return error instanceof HeddleError || error instanceof UsageError;
}

outliveReaders();
try {
  const { command, directory, restMs } = readCommand(process.argv.slice(2), JOBS);
  const records = new Records(directory);
  const workbench = (job: Job) => new Workbench(job, records, restMs);
  process.exitCode = await carryOut(command, { records, workbench }).finally(() => records.close());
} catch (error) {
  if (!isMisuse(error)) throw error;
  complain(error.message);
  process.exitCode = EXIT_FAILED;
}
