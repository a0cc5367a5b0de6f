// Anything but printable ASCII, and what JSON escapes in it.
const NOT_PLAIN = /[^\x20\x21\x23-\x5b\x5d-\x7e]/

/** A JSON string in canonical form. Half surrogate pairs become U+FFFD: an agent's text must not stop the log. */
export function quote(text: string): string {
  return NOT_PLAIN.test(text) ? JSON.stringify(text.toWellFormed()) : `"${text}"`
}

/** A count as JSON: whole, never negative, 0 for what is no number. */
export function whole(value: number): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value)
  return Number.isFinite(value) && value > 0 ? String(Math.min(Math.round(value), Number.MAX_SAFE_INTEGER)) : '0'
}
