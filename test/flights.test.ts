// The flights example: its statistics against values worked out by hand, and the whole dag on a part of the real data.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DagProvenance, DagRunner } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bandOf, clockAt, divide, minuteOfDay, partOf, plannedMinutes } from "../examples/flights/groups.js";
import { flightsJob } from "../examples/flights/job.js";
import { readAirports, readRoutes } from "../examples/flights/read-csv.js";
import { cutFlights, joinFlights, readFlights, readSample } from "../examples/flights/read-json.js";
import { intervalOf, resample } from "../examples/flights/statistics/bootstrap.js";
import { countsOf, deviationOf, meanOf, quantileOf, shareFrom } from "../examples/flights/statistics/counts.js";
import { bandwidthOf, densityAt } from "../examples/flights/statistics/density.js";
import { greatCircleMiles } from "../examples/flights/statistics/great-circle.js";
import { kMeans } from "../examples/flights/statistics/k-means.js";
import { Sums } from "../examples/flights/statistics/least-squares.js";
import { differenceOfMeans, permutedDifferences, pValueOf } from "../examples/flights/statistics/permutation.js";
import { drawsFrom } from "../examples/flights/statistics/random.js";
import { crossValidate } from "../examples/flights/statistics/validation.js";
import { dataFile } from "../examples/shared/data-file.js";
import { type Pace, paceOf } from "../examples/shared/pace.js";

const pace: Pace = async () => {};

function resampling(times: number) {
  return { times, draw: drawsFrom(7), pace };
}

describe("draws", () => {
  test("are the same for the same seed, and others for another", () => {
    const ten = (seed: number) => {
      const draw = drawsFrom(seed);
      return Array.from({ length: 10 }, () => draw(1000));
    };
    expect(ten(1)).toEqual(ten(1));
    expect(ten(1)).not.toEqual(ten(2));
  });

  test("reach every number below the bound, and no other", () => {
    const draw = drawsFrom(1);
    const drawn = new Set(Array.from({ length: 1000 }, () => draw(3)));
    expect([...drawn].sort()).toEqual([0, 1, 2]);
  });
});

describe("counts", () => {
  const counts = countsOf(Int16Array.of(9, 0, -2, 3, 0));

  test("give the quantiles of the sorted values", () => {
    expect([0, 0.2, 0.21, 0.5, 0.8, 0.81, 1].map((share) => quantileOf(counts, share))).toEqual([
      -2, -2, 0, 0, 3, 9, 9,
    ]);
  });

  test("give mean, deviation and shares", () => {
    expect(meanOf(counts)).toBe(2);
    expect(deviationOf(counts)).toBeCloseTo(Math.sqrt(14.8)); // (16 + 4 + 4 + 1 + 49) / 5
    expect(shareFrom(counts, 3)).toBe(0.4);
  });

  test("of nothing are not a number", () => {
    const none = countsOf(new Int16Array());
    expect([quantileOf(none, 0.5), meanOf(none), deviationOf(none), shareFrom(none, 0)]).toEqual(Array(4).fill(NaN));
  });
});

describe("the bootstrap", () => {
  test("gives the one value there is", async () => {
    expect(await resample(Int16Array.of(4, 4, 4), meanOf, resampling(3))).toEqual([4, 4, 4]);
  });

  test("draws with repeats: of two values half of the means lie between them", async () => {
    const means = await resample(Int16Array.of(0, 10), meanOf, resampling(4000));
    const share = (mean: number) => means.filter((one) => one === mean).length / means.length;
    expect(share(0)).toBeCloseTo(0.25, 1);
    expect(share(5)).toBeCloseTo(0.5, 1);
    expect(share(10)).toBeCloseTo(0.25, 1);
  });

  test("leaves out a fortieth of the estimates at either end", () => {
    const estimates = Array.from({ length: 1000 }, (_, i) => 1000 - i);
    expect(intervalOf(estimates)).toEqual({ low: 25, high: 975 });
  });
});

describe("the permutation test", () => {
  test("finds the differences of all divisions as often as they occur", async () => {
    const [a, b] = [Int16Array.of(1, 2), Int16Array.of(3, 4)];
    expect(differenceOfMeans(a, b)).toBe(2);
    const permuted = await permutedDifferences(a, b, resampling(6000)); // of the 6 divisions 2, 1, 0, 0, -1 and -2
    const share = (difference: number) => permuted.filter((one) => one === difference).length / permuted.length;
    expect([2, 1, 0, -1, -2].map((one) => Math.round(6 * share(one)))).toEqual([1, 1, 2, 1, 1]);
    expect(pValueOf(2, permuted)).toBeCloseTo(1 / 3, 1);
  });

  test("keeps the sign, whichever group is the smaller", async () => {
    const [few, many] = [Int16Array.of(6), Int16Array.of(0, 0, 0)];
    const differences = async (a: Int16Array, b: Int16Array) =>
      new Set(await permutedDifferences(a, b, resampling(50)));
    expect(differenceOfMeans(many, few)).toBe(6);
    expect(await differences(many, few)).toEqual(new Set([6, -2]));
    expect(await differences(few, many)).toEqual(new Set([-6, 2]));
  });

  test("counts the difference itself among the divisions", () => {
    expect(pValueOf(2, [2, -2, 1, 0])).toBe(3 / 5);
    expect(pValueOf(3, [2, -2, 1, 0])).toBe(1 / 5);
  });
});

describe("the plane", () => {
  function through(points: readonly (readonly [x: number, z: number, y: number])[]) {
    const sums = new Sums();
    for (const point of points) sums.add(...point);
    return sums.plane();
  }

  test("goes through points that lie on one", () => {
    const plane = through([0, 1, 2, 5].flatMap((x) => [0, x, x * x].map((z) => [x, z, 1 + 2 * x - 3 * z] as const)));
    for (const [found, meant] of [
      [plane.base, 1],
      [plane.perX, 2],
      [plane.perZ, -3],
      [plane.explained, 1],
    ] as const) {
      expect(found).toBeCloseTo(meant);
    }
  });

  test("has the least squared error otherwise", () => {
    const plane = through([
      [0, 0, 1],
      [1, 0, 2],
      [0, 1, 3],
      [1, 1, 6],
    ]);
    expect(plane.perX).toBeCloseTo(2); // 4 - 2, the means at x = 1 and x = 0
    expect(plane.perZ).toBeCloseTo(3); // 4.5 - 1.5
    expect(plane.base).toBeCloseTo(0.5); // 3 - 2/2 - 3/2
    expect(plane.explained).toBeCloseTo(13 / 14); // each point is off by 0.5; the squares about the mean sum to 14
  });
});

describe("the density", () => {
  const counts = countsOf(Int16Array.of(0, 1, 2, 3, 4, 5, 6, 7));

  test("is the kernel where there is one value", () => {
    const one = countsOf(Int16Array.of(0));
    expect(densityAt(one, 0, 1)).toBeCloseTo(0.3989, 4);
    expect(densityAt(one, 2, 2)).toBeCloseTo(0.242 / 2, 4);
  });

  test("sums to one", () => {
    const sum = Array.from({ length: 401 }, (_, i) => densityAt(counts, (i - 160) / 10, 1.5) / 10);
    expect(sum.reduce((total, part) => total + part)).toBeCloseTo(1, 3);
  });

  test("takes its bandwidth by the rule of Silverman", () => {
    expect(bandwidthOf(counts)).toBeCloseTo(0.9 * Math.sqrt(5.25) * 8 ** -0.2); // less than 4 / 1.349, the quartiles
    const far = countsOf(Int16Array.of(0, 1, 2, 3, 4, 5, 6, 7000));
    expect(bandwidthOf(far)).toBeCloseTo(0.9 * (4 / 1.349) * 8 ** -0.2);
  });
});

describe("k-means", () => {
  test("finds groups that anybody sees", async () => {
    const points = { values: Float64Array.of(0, 5, 10, 7, 1, 5, 11, 7), dimensions: 2 };
    const [best] = await kMeans(points, { groups: 2, starts: 3, ...resampling(0) });
    expect(best?.error).toBe(1); // four points, each half a step from its centre
    const [left, right] = [best?.groupOf[0] ?? 0, best?.groupOf[1] ?? 0];
    expect([...(best?.groupOf ?? [])]).toEqual([left, right, left, right]);
    expect([...(best?.centres.slice(2 * left, 2 * left + 2) ?? [])]).toEqual([0.5, 5]);
    expect([...(best?.centres.slice(2 * right, 2 * right + 2) ?? [])]).toEqual([10.5, 7]);
  });

  test("puts the best of its starts first", async () => {
    const draw = drawsFrom(1);
    const points = { values: Float64Array.from({ length: 300 }, () => draw(1000)), dimensions: 3 };
    const errors = (await kMeans(points, { groups: 6, starts: 8, draw, pace })).map(({ error }) => error);
    expect(errors).toEqual(errors.toSorted((a, b) => a - b));
    expect(new Set(errors).size).toBeGreaterThan(1);
  });
});

describe("the great circle", () => {
  test("is a quarter of the equator, or half a meridian", () => {
    expect(greatCircleMiles({ latitude: 0, longitude: -10 }, { latitude: 0, longitude: 80 })).toBeCloseTo(6218.41, 1);
    expect(greatCircleMiles({ latitude: 90, longitude: 0 }, { latitude: -90, longitude: 50 })).toBeCloseTo(12436.82, 1);
  });

  test("is as long as the flight from New York to Los Angeles", () => {
    const [jfk, lax] = [
      { latitude: 40.6398, longitude: -73.7789 },
      { latitude: 33.9425, longitude: -118.4081 },
    ];
    expect(Math.abs(greatCircleMiles(jfk, lax) / 2475 - 1)).toBeLessThan(0.004); // 2,475 is what airlines report
  });
});

describe("cross-validation", () => {
  const values = Int16Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 3 : -1));

  test("measures misses as mean and root mean square", async () => {
    const [misses] = await crossValidate(values, [() => () => 0], resampling(2));
    expect(misses?.mean).toBeCloseTo(2); // (3 + 1) / 2
    expect(misses?.rootMeanSquare).toBeCloseTo(Math.sqrt(5)); // (9 + 1) / 2
  });

  test("never tries a rule on rows that it has learned from, and tries every row once a time", async () => {
    const tried = new Map<number, number>();
    await crossValidate(
      values,
      [
        (rows) => (row) => {
          expect(rows).not.toContain(row);
          return tried.set(row, (tried.get(row) ?? 0) + 1).size;
        },
      ],
      resampling(3),
    );
    expect([...tried.values()]).toEqual(Array(200).fill(3));
  });
});

describe("groups", () => {
  test("a day begins at four in the morning", () => {
    expect([4 * 60, 0, 3 * 60 + 59].map(minuteOfDay)).toEqual([0, 1200, 1439]);
    expect([0, 1200, 1439].map(clockAt)).toEqual(["04:00", "00:00", "03:59"]);
  });

  test("bands and parts begin where they say", () => {
    expect([1, 249, 250, 1999, 2000].map(bandOf)).toEqual([0, 0, 1, 5, 6]);
    expect(["05:59", "06:00", "10:59", "11:00", "17:00", "21:59", "22:00"].map(minuteAt).map(partOf)).toEqual([
      -1, 0, 0, -1, 1, 1, -1,
    ]);
  });

  test("a flight that left late was planned earlier, be it the day before", () => {
    const late = [60, 60, 24 * 60 + 5, -20];
    const left = ["09:30", "04:10", "04:02", "09:30"].map(minuteAt);
    const intake = { file: "", rows: 0, rejected: [], kept: [] };
    const [delay, minute] = [Int16Array.from(late), Uint16Array.from(left)];
    const planned = plannedMinutes({ delay, minute, distance: new Uint16Array(4), intake });
    expect([...planned].map(clockAt)).toEqual(["08:30", "03:10", "03:57", "09:30"]);
  });

  test("dividing keeps the order, and leaves out what is in no group", () => {
    expect(divide(Int16Array.of(5, 6, 7, 8, 9), 2, (flight) => [1, 0, -1, 1, 0][flight] ?? -1)).toEqual([
      Int16Array.of(6, 9),
      Int16Array.of(5, 8),
    ]);
  });
});

function minuteAt(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return minuteOfDay(60 * hours + minutes);
}

describe("reading", () => {
  const ctx = { progress: () => {} };

  /** What the dag does with the largest file. */
  async function readInChunks(text: string) {
    const chunks = cutFlights(text, ctx);
    const flights = joinFlights(await Promise.all(chunks.map((chunk) => readFlights(chunk, pace))));
    return { chunks: chunks.length, ...flights };
  }

  test("keeps the rows that can be used, and counts the others at the first rule they break", async () => {
    const rows = [
      { delay: -5, distance: 300, time: 6.1 },
      { delay: null, distance: 300, time: 6.1 },
      { delay: 1.5, distance: 0, time: 6.1 },
      { delay: 1, distance: 0, time: 6.1 },
      { delay: 1, distance: 300, time: 24 },
      { delay: 1, distance: 300, time: 24 },
      { delay: 1, distance: 300, time: "6" },
      null,
      { delay: -5, distance: 300, time: 6.1 },
    ];
    const { intake, ...columns } = await readInChunks(JSON.stringify(rows));
    expect(columns).toEqual({
      chunks: 1,
      delay: Int16Array.of(-5, -5),
      distance: Uint16Array.of(300, 300),
      minute: Uint16Array.of(126, 126),
    });
    expect(intake.rows).toBe(9);
    expect(intake.rejected.map((finding) => finding.rows)).toEqual([3, 1, 3]);
    expect(intake.kept.map((finding) => finding.rows)).toEqual([1]);
  });

  test("tells airports by their place in the list of codes", async () => {
    const row = { delay: 0, distance: 337, origin: "SFO", destination: "LAX" };
    const rows = [row, { ...row, origin: "LAX", destination: "SFO" }, { ...row, origin: "San Francisco" }];
    const sample = await readSample(JSON.stringify(rows), pace);
    expect(sample.codes).toEqual(["LAX", "SFO"]);
    expect([...sample.origin]).toEqual([1, 0]);
    expect([...sample.destination]).toEqual([0, 1]);
  });

  test("refuses what is no list", async () => {
    expect(() => cutFlights("{}", ctx)).toThrow("Expected a list of flights");
  });

  test("leaves out airports that are nowhere and routes without a number", async () => {
    const airports = "iata,name,city,latitude,longitude\nAAA,A,a,10.5,-20\nBBB,B,b,,3\nCCC,C,c,91,3\nDDD,D\n";
    const { airports: found, intake } = await readAirports(airports, pace);
    expect(found).toEqual([{ iata: "AAA", name: "A", city: "a", latitude: 10.5, longitude: -20 }]);
    expect(intake.rejected.map((finding) => finding.rows)).toEqual([1, 0, 2]);
    const { routes } = await readRoutes("origin,destination,count\nAAA,BBB,12\nAAA,CCC,many\n", pace);
    expect(routes).toEqual([{ origin: "AAA", destination: "BBB", flights: 12 }]);
  });

  test("reads all 231,083 flights of the real file", async () => {
    const text = await readFile(dataFile("flights-200k.json"), "utf8");
    const { chunks, delay, distance, minute, intake } = await readInChunks(text);
    expect(chunks).toBe(24);
    expect([intake.rows, delay.length, distance.length, minute.length]).toEqual(Array(4).fill(231_083));
    expect(intake.kept).toMatchObject([{ rows: 85_106 }]); // over all chunks, not within each
  });
});

describe("the pace", () => {
  test("gives the event loop its turn, and says how far the work is", async () => {
    const said: number[][] = [];
    const turn = paceOf({ signal: new AbortController().signal, progress: (...far) => said.push(far as number[]) });
    let turns = 0;
    const count = setImmediate(() => turns++);
    await turn(3, 3);
    clearImmediate(count);
    expect(turns).toBe(1);
    expect(said).toEqual([[3, 3]]);
  });

  test("stops work that nobody wants any more", async () => {
    await expect(paceOf({ signal: AbortSignal.abort(), progress: () => {} })(1, 1)).rejects.toThrow("aborted");
  });
});

describe("the dag on a part of the real flights", () => {
  const EVERY = 40;
  let folder: string;
  let inputs: ReturnType<typeof flightsJob.inputs>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "heddle-flights-"));
    const rows: unknown[] = JSON.parse(await readFile(dataFile("flights-200k.json"), "utf8"));
    const path = join(folder, "flights.json");
    await writeFile(path, JSON.stringify(rows.filter((_, i) => i % EVERY === 0)));
    inputs = { ...flightsJob.inputs(), cutFlights: { path } };
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("gives the same report every time, and prints it", async () => {
    const runner = new DagRunner(flightsJob.dag, { provenance: new DagProvenance(memoryStore()) });
    const [first, second] = [await runner.run(inputs), await runner.run(inputs)];
    expect(first.status).toBe("completed");
    expect(second.outputs).toEqual(first.outputs);
    if (first.status !== "completed") return;
    const text = flightsJob.render(first.outputs);
    expect(text).toMatch(/flights-200k.json +│ +5,778 │ +0 │/);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("can be cancelled in the middle of a long node", async () => {
    const provenance = new DagProvenance(memoryStore());
    const runner = new DagRunner(flightsJob.dag, {
      provenance,
      concurrency: 1,
      onEvent: ({ type, ...event }) => {
        if (type === "node-progress" && "path" in event && event.path === "eveningTest") run.cancel();
      },
    });
    const run = runner.run(inputs);
    expect((await run).status).toBe("cancelled");
    const { executions } = await provenance.inspect(run.runId);
    expect(executions.find(({ path }) => path === "eveningTest")?.status).toBe("aborted");
  });
});
