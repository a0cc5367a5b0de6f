// C0, DEL, C1, and what changes the direction of text: written as escapes wherever a person reads a record.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]/g

/** A record's line as it may be shown on a terminal: still the same JSON, with nothing in it that a terminal would act on. */
export function displayLine(line: string): string {
  return line.replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
