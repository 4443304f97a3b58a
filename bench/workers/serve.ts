// In a Worker: functions that are called from outside, one per request, so that each call is an invocation of its own.

/** What is called, and with what. */
export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

type Functions = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The handler of a Worker that offers what `make` makes of its bindings. */
export function serve<Env>(make: (env: Env) => object) {
  return {
    async fetch(request: Request, env: Env): Promise<Response> {
      const { name, args } = (await request.json()) as Call;
      try {
        const result = await (make(env) as Functions)[name]?.(...(args as never[]));
        return Response.json({ result });
      } catch (error) {
        return new Response((error as Error).stack, { status: 500 });
      }
    },
  };
}
