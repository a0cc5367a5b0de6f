import { seeded } from './seeded.ts'

/** One hostile way to frame a request. */
export interface Framing {
  readonly name: string
  /** The bytes after which a correct server either answers the one request or refuses the connection. */
  readonly bytes: Buffer
  readonly path: string
  /** Path of the second request behind the first. */
  readonly smuggled: string
  /** The framing is unambiguous, so the second request may be served as a pipelined one; otherwise it must never be. */
  readonly mayPipeline: boolean
}

export interface FramingPlace {
  /** Begins the path of every request; its number and `-` follow, and `smuggled` for the hidden one. */
  readonly path: string
  readonly host: string
  /** Header lines that make the request an authorised one, each ending with CRLF. */
  readonly headers: string
}

const cleanCodings = new Set([1, 3, 4, 9])
const cleanChunkings = new Set([0, 1, 2, 3, 15, 16, 17, 18])
const cleanLines = new Set([0, 2, 7, 11])
/** No header, or one that only looks like a length: it has no say in the framing. */
const cleanLengths = new Set([0, 18])

/** Transfer-Encoding spellings; `null` leaves the header out. */
const codings: readonly (string | null)[] = [
  null,
  'Transfer-Encoding: chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: CHUNKED',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked\x00',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: ,chunked',
  ' Transfer-Encoding: chunked',
  'X: y\r\n Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'Transfer-Encoding\r\n: chunked',
  'Transfer_Encoding: chunked',
  'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  'TE: trailers\r\nTransfer-encoding: cow',
]

/** Content-Length spellings around the true length §; `null` leaves the header out. */
const lengths: readonly (string | null)[] = [
  null,
  'Content-Length: §',
  'Content-Length: 0',
  'Content-Length: 3',
  'Content-Length: +§',
  'Content-Length: -1',
  'Content-Length: 0x§',
  'Content-Length: 0§',
  'Content-Length: § §',
  'Content-Length: §,§',
  'Content-Length: 0, §',
  'Content-Length: §\r\nContent-Length: 0',
  'Content-Length: 0\r\nContent-Length: §',
  'Content-Length : §',
  'Content-Length:\r\n §',
  'Content-Length: 1e1',
  'Content-Length: 18446744073709551617',
  'Content-Length: §\x00',
  'Content_Length: §',
  'Content-Length: ',
]

/** Chunk-size lines and endings for a body of three bytes followed by an embedded request. */
const chunkings: readonly string[] = [
  '3\r\nabc\r\n0\r\n\r\n',
  '03\r\nabc\r\n0\r\n\r\n',
  '3;ext=1\r\nabc\r\n0\r\n\r\n',
  '3;ext="\r\n\r\nabc\r\n0\r\n\r\n',
  '3 \r\nabc\r\n0\r\n\r\n',
  '0x3\r\nabc\r\n0\r\n\r\n',
  '+3\r\nabc\r\n0\r\n\r\n',
  '-3\r\nabc\r\n0\r\n\r\n',
  '3\nabc\n0\n\n',
  '3\r\nabc0\r\n\r\n',
  '3\r\nabcd\r\n0\r\n\r\n',
  '3\rabc\r0\r\r',
  'FFFFFFFFFFFFFFFF3\r\nabc\r\n0\r\n\r\n',
  '100000000000000003\r\nabc\r\n0\r\n\r\n',
  '\r\n3\r\nabc\r\n0\r\n\r\n',
  '3\r\nabc\r\n0\r\nX-T: v\r\n\r\n',
  '3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n',
  '3\r\nabc\r\n00\r\n\r\n',
  '3\r\nabc\r\n0;x\r\n\r\n',
  '3\r\nabc\r\n\r\n',
  '3_0\r\nabc\r\n0\r\n\r\n',
  '',
]

/** Spellings of the request line and of line ends that parsers have disagreed about. */
const lines: readonly ((path: string, host: string, headers: string) => string)[] = [
  (path, host, headers) => `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `POST ${path} HTTP/1.1\nHost: ${host}\n${headers}`,
  (path, host, headers) => `POST  ${path}  HTTP/1.1\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `POST\t${path}\tHTTP/1.1\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `POST ${path} HTTP/1.0\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `POST ${path} HTTP/2.0\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `POST ${path} HTTP/1.1 \r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `\r\n\r\nPOST ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `POST ${path} HTTP/1.1\r\nHost : ${host}\r\n${headers}`,
  (path, host, headers) => `POST ${path}\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `POST ${path} http/1.1\r\nHost: ${host}\r\n${headers}`,
  (path, host, headers) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}`,
]

/**
 * At least `atLeast` requests whose framing is ambiguous or broken, each with a second request hidden behind it:
 * the whole cross product of codings and lengths, the rest drawn by the seed.
 */
export function framings(place: FramingPlace, seed: number, atLeast = 600): Framing[] {
  const out: Framing[] = []
  const add = (
    name: string,
    coding: string | null,
    length: string | null,
    chunking: string,
    line = lines[0]!,
  ): void => {
    const path = `${place.path}-${out.length}-`
    const smuggled = `${path}smuggled`
    const hidden = `GET ${smuggled} HTTP/1.1\r\nHost: ${place.host}\r\n${place.headers}\r\n`
    const body = `${chunking}${hidden}`
    const fields = [coding, length?.replaceAll('§', String(body.length)) ?? null]
    const head = `${line(path, place.host, place.headers)}${fields
      .filter((f) => f !== null)
      .map((f) => `${f}\r\n`)
      .join('')}\r\n`
    // `Content-Length: 0` says that there is no body, and with nothing in between the second request is one of its own.
    const noBody = coding === null && length === lengths[2] && chunking === ''
    const clean =
      cleanLengths.has(lengths.indexOf(length)) &&
      cleanCodings.has(codings.indexOf(coding)) &&
      cleanChunkings.has(chunkings.indexOf(chunking))
    const mayPipeline = (clean || noBody) && cleanLines.has(lines.indexOf(line))
    out.push({ name: `${name}#${out.length}`, path, smuggled, mayPipeline, bytes: Buffer.from(head + body, 'latin1') })
  }
  for (const coding of codings) for (const length of lengths) add('te×cl', coding, length, chunkings[0]!)
  for (const chunking of chunkings) add('chunk', codings[1]!, null, chunking)
  for (const line of lines) add('line', codings[1]!, null, chunkings[0]!, line)
  const random = seeded(seed)
  while (out.length < atLeast) {
    add('drawn', random.pick(codings), random.pick(lengths), random.pick(chunkings), random.pick(lines))
  }
  return out
}
