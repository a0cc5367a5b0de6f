export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** How long until then: `4 min 09 s`, `2 h 05 min`, `3 days`. */
export function left(untilMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((untilMs - nowMs) / 1_000))
  const two = (n: number) => String(n).padStart(2, '0')
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`
  return `${Math.floor(seconds / 86_400)} days`
}

/** For how long: `1 hour 30 minutes`. */
export function lasting(seconds: number): string {
  const units = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
    ['second', 1],
  ] as const
  const parts: string[] = []
  let rest = seconds
  for (const [name, length] of units) {
    const count = Math.floor(rest / length)
    if (count > 0) parts.push(plural(count, name))
    rest -= count * length
  }
  return parts.join(' ')
}

export function moment(at: number | string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
}
