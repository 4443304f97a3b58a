// How the command line speaks: results on stdout, everything else on stderr, and an exit code.

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;

/** The command line asks for something that cannot be had; the message is all that the caller needs. */
export class UsageError extends Error {}

/** Writes a result. */
export function print(text: string): typeof EXIT_OK {
  process.stdout.write(text);
  return EXIT_OK;
}

/** Writes a line that is no result. */
export function complain(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Goes on when somebody closes the pipe, as `head` does: nobody reads any more, but the run is recorded all the same. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}
