/** Natural logarithm of the gamma function for x > 0 (Lanczos 1964, g = 7, nine terms; error below 1e-13). */
function logGamma(x: number): number {
  const coefficients = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  const z = x - 1;
  let series = 0.9999999999998099;
  for (const [index, coefficient] of coefficients.entries()) series += coefficient / (z + index + 1);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated by Lentz's method. */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  const guard = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    const step = d * c;
    result *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return result;
}

/** Regularised incomplete beta function I_x(a, b). */
function regularisedBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(a, b, x)) / a
    : 1 - (front * betaFraction(b, a, 1 - x)) / b;
}

/** Probability that Student's t with `degrees` degrees of freedom exceeds `t` (t >= 0). */
export function studentTail(t: number, degrees: number): number {
  return 0.5 * regularisedBeta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

/**
 * The value that Student's t exceeds with probability `upperTail` (0 < upperTail < 1): 3.747 for 0.01 and 4 degrees.
 * By bisection on the tail, to about 1e-12 relative.
 * @throws RangeError for degrees below 1 or a probability outside (0, 1).
 */
export function studentQuantile(upperTail: number, degrees: number): number {
  if (!(degrees >= 1) || !(upperTail > 0 && upperTail < 1)) {
    throw new RangeError(`studentQuantile(${upperTail}, ${degrees})`);
  }
  if (upperTail === 0.5) return 0;
  if (upperTail > 0.5) return -studentQuantile(1 - upperTail, degrees);
  let high = 1;
  while (studentTail(high, degrees) > upperTail) high *= 2;
  let low = high / 2;
  if (high === 1) low = 0;
  for (let step = 0; step < 100 && high - low > 1e-13 * high; step++) {
    const middle = (low + high) / 2;
    if (studentTail(middle, degrees) > upperTail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
