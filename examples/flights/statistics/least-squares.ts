// The plane y = base + perX · x + perZ · z with the least squared error. All that it takes are ten sums over the
// points, so a plane through other points of the same kind only needs other sums.

/** A plane, and the share of the variance of y that it explains. */
export interface Surface {
  readonly base: number;
  readonly perX: number;
  readonly perZ: number;
  readonly explained: number;
}

/** The sums over points that a plane is made from. */
export class Sums {
  #n = 0;
  #x = 0;
  #z = 0;
  #y = 0;
  #xx = 0;
  #xz = 0;
  #zz = 0;
  #xy = 0;
  #zy = 0;
  #yy = 0;

  add(x: number, z: number, y: number): void {
    this.#n++;
    this.#x += x;
    this.#z += z;
    this.#y += y;
    this.#xx += x * x;
    this.#xz += x * z;
    this.#zz += z * z;
    this.#xy += x * y;
    this.#zy += z * y;
    this.#yy += y * y;
  }

  /** The plane with the least squared error, by the normal equations of the centred points. */
  plane(): Surface {
    const about = (products: number, left: number, right: number) => products - (left * right) / this.#n;
    const xx = about(this.#xx, this.#x, this.#x);
    const xz = about(this.#xz, this.#x, this.#z);
    const zz = about(this.#zz, this.#z, this.#z);
    const xy = about(this.#xy, this.#x, this.#y);
    const zy = about(this.#zy, this.#z, this.#y);
    const yy = about(this.#yy, this.#y, this.#y);
    const determinant = xx * zz - xz * xz;
    const perX = (zz * xy - xz * zy) / determinant;
    const perZ = (xx * zy - xz * xy) / determinant;
    const base = (this.#y - perX * this.#x - perZ * this.#z) / this.#n;
    return { base, perX, perZ, explained: (perX * xy + perZ * zy) / yy };
  }
}
