/** One HTTP/1.1 answer as it lay on the wire. */
export interface Answer {
  readonly status: number
  readonly reason: string
  /** Name as sent and value, in order. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
  readonly trailers: readonly (readonly [string, string])[]
  /** Whether the body reached its declared end. */
  readonly complete: boolean
}

export const headerOf = (answer: Answer, name: string): string | undefined =>
  answer.headers.find(([given]) => given.toLowerCase() === name)?.[1]

/** Cuts a byte stream into answers. Bytes that do not begin an answer end the reading: they show as a missing answer. */
export function readAnswers(bytes: Buffer): Answer[] {
  const answers: Answer[] = []
  let at = 0
  while (at < bytes.length) {
    const one = readOne(bytes, at)
    if (one === undefined) break
    answers.push(one.answer)
    at = one.next
  }
  return answers
}

interface Read {
  readonly answer: Answer
  readonly next: number
}

function readOne(bytes: Buffer, start: number): Read | undefined {
  const end = bytes.indexOf('\r\n\r\n', start)
  if (end === -1) return undefined
  const [line = '', ...fields] = bytes.toString('latin1', start, end).split('\r\n')
  const status = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(line)
  if (status === null) return undefined
  const headers = fields.map(parseField)
  const head = { status: Number(status[1]), reason: status[2] ?? '', headers }
  const find = (name: string): string | undefined => headers.find(([given]) => given.toLowerCase() === name)?.[1]
  const bodyAt = end + 4
  if (head.status < 200 || head.status === 204 || head.status === 304) {
    return { answer: { ...head, body: Buffer.alloc(0), trailers: [], complete: true }, next: bodyAt }
  }
  if (/chunked/i.test(find('transfer-encoding') ?? '')) return readChunked(bytes, bodyAt, head)
  const length = find('content-length')
  const to = length === undefined ? bytes.length : Math.min(bodyAt + Number(length), bytes.length)
  const complete = length === undefined || to - bodyAt === Number(length)
  return { answer: { ...head, body: bytes.subarray(bodyAt, to), trailers: [], complete }, next: to }
}

type Head = Pick<Answer, 'status' | 'reason' | 'headers'>

function readChunked(bytes: Buffer, start: number, head: Head): Read {
  const parts: Buffer[] = []
  let at = start
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) break
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (!Number.isInteger(size)) break
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', lineEnd)
      if (end === -1) break
      const trailers = bytes
        .toString('latin1', lineEnd + 2, end)
        .split('\r\n')
        .filter(Boolean)
        .map(parseField)
      return { answer: { ...head, body: Buffer.concat(parts), trailers, complete: true }, next: end + 4 }
    }
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
    if (at > bytes.length) break
  }
  return { answer: { ...head, body: Buffer.concat(parts), trailers: [], complete: false }, next: bytes.length }
}

function parseField(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}
