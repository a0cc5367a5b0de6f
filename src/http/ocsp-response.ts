// What an OCSP response says (RFC 6960 §4.2.1), as far as whoever staples it must know. The signature is for clients to
// check: a response that is not the authority's harms nobody but its bearer.

/** About one certificate. Times in milliseconds since 1970. */
export interface OcspAnswer {
  /** Serial number of the certificate as `bareSerial` writes it. */
  readonly serial: string
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly from: number
  /** When a newer one will be there; undefined where it is not said. */
  readonly until: number | undefined
}

interface Element {
  readonly tag: number
  readonly body: Buffer
}

const SEQUENCE = 0x30
const ENUMERATED = 0x0a
const OCTETS = 0x04
const INTEGER = 0x02
const TIME = 0x18
const BASIC = '2b0601050507300101'
const STATUS = { 128: 'good', 161: 'revoked', 130: 'unknown' } as const

/** The answers of a successful basic response in DER; undefined for anything else. */
export function readOcspResponse(der: Buffer): readonly OcspAnswer[] | undefined {
  try {
    const [response] = elements(der, 1)
    const [status, bytes] = elements(inside(response, SEQUENCE), 2)
    if (inside(status, ENUMERATED).toString('hex') !== '00') return undefined
    const [type, basic] = elements(inside(elements(inside(bytes, 0xa0), 1)[0], SEQUENCE), 2)
    if (inside(type, 0x06).toString('hex') !== BASIC) return undefined
    const [data] = elements(inside(elements(inside(basic, OCTETS), 1)[0], SEQUENCE))
    const singles = elements(inside(data, SEQUENCE)).find(({ tag }) => tag === SEQUENCE)
    return elements(inside(singles, SEQUENCE)).map(answerIn)
  } catch {
    return undefined
  }
}

function answerIn(single: Element): OcspAnswer {
  const [id, status, from, ...more] = elements(inside(single, SEQUENCE))
  const serial = inside(elements(inside(id, SEQUENCE), 4)[3], INTEGER)
  const word = STATUS[status?.tag as keyof typeof STATUS]
  if (word === undefined) throw new TypeError('status')
  const until = more.find(({ tag }) => tag === 0xa0)
  return {
    serial: bareSerial(serial.toString('hex')),
    status: word,
    from: timeIn(from),
    until: until === undefined ? undefined : timeIn(elements(until.body, 1)[0]),
  }
}

/** A serial number in hex, in the one spelling: upper case, without leading zeros. */
export function bareSerial(hex: string): string {
  return hex.replace(/^0+(?=.)/, '').toUpperCase()
}

/** GeneralizedTime as RFC 5280 §4.1.2.5.2 allows it: YYYYMMDDHHMMSSZ. */
function timeIn(element: Element | undefined): number {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(inside(element, TIME).toString('latin1'))
  if (match === null) throw new TypeError('time')
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function inside(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new TypeError('tag')
  return element.body
}

/** The elements that lie one after another and fill `bytes`; `count` is how many are wanted. Throws for bad DER. */
function elements(bytes: Buffer, count?: number): Element[] {
  const found: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at)
    const first = bytes.readUInt8(at + 1)
    const more = first < 0x80 ? 0 : first - 0x80
    if ((tag & 0x1f) === 0x1f || more > 3 || first === 0x80) throw new TypeError('form')
    const start = at + 2 + more
    const end = start + (more === 0 ? first : bytes.readUIntBE(at + 2, more))
    if (end > bytes.length) throw new TypeError('length')
    found.push({ tag, body: bytes.subarray(start, end) })
    at = end
  }
  if (count !== undefined && found.length !== count) throw new TypeError('count')
  return found
}
