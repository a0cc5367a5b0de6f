// Hours in which people sleep, as an operator says them: `22:00-07:00 Europe/Berlin`. Pure.

const FORM = /^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9]) ([A-Za-z0-9_+/-]{1,64})$/

/** Whether the text says hours and a time zone that exists. */
export function isQuietHours(text: string): boolean {
  const zone = FORM.exec(text)?.[5]
  return zone !== undefined && clockOf(zone) !== undefined
}

/** Whether it is quiet at `now` (ms since 1970). Hours may pass midnight; the first minute is quiet, the last is not. */
export function isQuiet(text: string, now: number): boolean {
  const [, fromHour, fromMinute, toHour, toMinute, zone = ''] = FORM.exec(text) ?? []
  const clock = clockOf(zone)
  if (clock === undefined) return false
  const at = minuteAt(clock, now)
  const from = Number(fromHour) * 60 + Number(fromMinute)
  const to = Number(toHour) * 60 + Number(toMinute)
  return from <= to ? at >= from && at < to : at >= from || at < to
}

const clocks = new Map<string, Intl.DateTimeFormat>()

function clockOf(zone: string): Intl.DateTimeFormat | undefined {
  const known = clocks.get(zone)
  if (known !== undefined) return known
  try {
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
    clocks.set(zone, clock)
    return clock
  } catch {
    return undefined
  }
}

function minuteAt(clock: Intl.DateTimeFormat, now: number): number {
  const parts = clock.formatToParts(now)
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value)
  return part('hour') * 60 + part('minute')
}
