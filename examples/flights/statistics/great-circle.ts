// The shortest way between two places on a sphere.

/** A place on earth, in degrees. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
}

/** The mean radius of the earth in statute miles: 6,371.0088 km (Moritz 2000, GRS 80). */
const EARTH_RADIUS_MILES = 3958.7613;

/** The length of the great circle between two places in miles, by the haversine formula. */
export function greatCircleMiles(from: Position, to: Position): number {
  const [latitude, otherLatitude] = [radians(from.latitude), radians(to.latitude)];
  const across = Math.sin((otherLatitude - latitude) / 2) ** 2;
  const along = Math.sin(radians(to.longitude - from.longitude) / 2) ** 2;
  const haversine = across + Math.cos(latitude) * Math.cos(otherLatitude) * along;
  return 2 * EARTH_RADIUS_MILES * Math.asin(Math.sqrt(haversine));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
