/**
 * Whether a JSON number keeps its decimal value when it is read into a double and written again: `1.0`, `1E2` and `0.1`
 * do; 2^53 + 1, 10^20 written out, 1e400, 1e-400 and `-0` do not. `token` must already match the grammar of RFC 8259 §6.
 */
export function roundTrips(token: string): boolean {
  if (token.length > LONGEST) return false
  const value = Number(token)
  if (INTEGER.test(token) && !Number.isSafeInteger(value)) return false
  const size = Math.abs(value)
  if (token.length <= SURE && size > SMALLEST && size < LARGEST) return true
  const written = String(value)
  if (written === token) return true
  if (!Number.isFinite(value) || Object.is(value, -0)) return false
  return sameDecimal(decimal(token), decimal(written))
}

/** A double has 17 significant digits and 324 zeros before them at most; what is longer is refused before it is looked at. */
const LONGEST = 400

/** So many characters hold at most 15 significant digits, which every double within these bounds keeps (DBL_DIG). */
const SURE = 15
const SMALLEST = 1e-290
const LARGEST = 1e290

/** Read as an integer elsewhere, so it must be one here. */
const INTEGER = /^-?[0-9]+$/

interface Decimal {
  readonly negative: boolean
  /** Significant digits without zeros at either end; '' is zero. */
  readonly digits: string
  /** The value is 0.digits × 10^exponent. */
  readonly exponent: number
}

function decimal(token: string): Decimal {
  const negative = token.startsWith('-')
  const [mantissa = '', power = '0'] = (negative ? token.slice(1) : token).toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const all = whole + fraction
  const digits = all.replace(/^0+/, '')
  const leading = all.length - digits.length
  return { negative, digits: digits.replace(/0+$/, ''), exponent: whole.length - leading + Number(power) }
}

function sameDecimal(a: Decimal, b: Decimal): boolean {
  if (a.digits === '' || b.digits === '') return a.digits === b.digits && a.negative === b.negative
  return a.negative === b.negative && a.digits === b.digits && a.exponent === b.exponent
}
