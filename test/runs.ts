/** How many cases a property or fault test tries: `quick`, or `full` or a number when `npm test -- --runs` says so. */
export function runCount(quick: number, full: number): number {
  const asked = process.env.MILLRACE_RUNS;
  if (asked === undefined || asked === '') return quick;
  if (asked === 'full') return full;
  if (!/^[1-9]\d*$/.test(asked)) throw new Error(`--runs is ${asked}; it takes a number or "full".`);
  return Number(asked);
}

/** The seed that `npm test -- --seed` asks for; otherwise another one for each run. Name it when a test fails. */
export function seed(): number {
  const asked = process.env.MILLRACE_SEED;
  return asked === undefined || asked === '' ? Math.floor(Math.random() * 2 ** 31) : Number(asked);
}
