// How flights are put together: by the hour of the day, and by bands of distance.

import type { Flights } from "./schemas.js";

const MINUTES_PER_HOUR = 60;
const HOURS_PER_DAY = 24;
const MINUTES_PER_DAY = HOURS_PER_DAY * MINUTES_PER_HOUR;

/** The hour of the clock at which the day of a flight begins. */
const FIRST_HOUR = 4;

/** A flight that arrives so many minutes late is late, for those who count (14 CFR 234.2). */
export const LATE_MINUTES = 15;

/** Bands of distance in miles, each from `from` up to the next one. */
const BANDS = [
  { name: "under 250", from: 0 },
  { name: "250 to 499", from: 250 },
  { name: "500 to 749", from: 500 },
  { name: "750 to 999", from: 750 },
  { name: "1,000 to 1,499", from: 1_000 },
  { name: "1,500 to 1,999", from: 1_500 },
  { name: "2,000 and more", from: 2_000 },
];

/** The names of the bands of distance. */
export const BAND_NAMES = BANDS.map((band) => band.name);

/** The hours of a day as the clock shows them, from 04 to 03. */
export const HOUR_NAMES = Array.from({ length: HOURS_PER_DAY }, (_, hour) => clockAt(hour * MINUTES_PER_HOUR));

/** Minutes since 04:00 of a time of the clock in minutes since midnight. */
export function minuteOfDay(clock: number): number {
  return (clock - FIRST_HOUR * MINUTES_PER_HOUR + MINUTES_PER_DAY) % MINUTES_PER_DAY;
}

/** Whole hours since 04:00. */
export function hourOf(minute: number): number {
  return Math.floor(minute / MINUTES_PER_HOUR);
}

/** Which band a distance belongs to, counted from 0. */
export function bandOf(miles: number): number {
  return BANDS.findLastIndex((band) => miles >= band.from);
}

/**
 * When flights should have left, in minutes since 04:00. The file tells only when they left and how late they arrived;
 * what is lost in the air is little, so a late arrival is taken for a late departure.
 */
export function plannedMinutes({ minute, delay }: Flights): Uint16Array {
  return minute.map((left, i) => {
    const late = Math.max(delay[i] ?? 0, 0);
    return (left - (late % MINUTES_PER_DAY) + MINUTES_PER_DAY) % MINUTES_PER_DAY;
  });
}

/** A column of flights as one column for each of `groups` groups; a flight of group -1 is in none. */
export function divide(
  column: Int16Array | Uint16Array,
  groups: number,
  groupOf: (flight: number) => number,
): Int16Array[] {
  const divided: number[][] = Array.from({ length: groups }, () => []);
  for (let flight = 0; flight < column.length; flight++) divided[groupOf(flight)]?.push(column[flight] ?? 0);
  return divided.map((values) => Int16Array.from(values));
}

/** The parts of the day that are compared, from `from` up to `until`, hours of the clock. */
export const PARTS = [
  { name: "morning", from: 6, until: 11 },
  { name: "evening", from: 17, until: 22 },
] as const;

/** Which of the parts a minute belongs to; -1 if to none. */
export function partOf(minute: number): number {
  return PARTS.findIndex(({ from, until }) => minute >= sinceFirst(from) && minute < sinceFirst(until));
}

function sinceFirst(hour: number): number {
  return minuteOfDay(hour * MINUTES_PER_HOUR);
}

/** What the clock shows so many minutes after 04:00. */
export function clockAt(minute: number): string {
  const clock = (Math.round(minute) + FIRST_HOUR * MINUTES_PER_HOUR) % MINUTES_PER_DAY;
  const twoDigits = (part: number) => String(Math.floor(part)).padStart(2, "0");
  return `${twoDigits(clock / MINUTES_PER_HOUR)}:${twoDigits(clock % MINUTES_PER_HOUR)}`;
}
