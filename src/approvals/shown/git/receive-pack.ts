/** The request of `git push` over HTTP (gitprotocol-pack, "Pushing Data To a Server"): commands in pkt-lines, then a pack. */

export interface RefCommand {
  readonly old: string
  readonly new: string
  readonly ref: string
}

export interface ReceivePackRequest {
  readonly commands: readonly RefCommand[]
  readonly capabilities: readonly string[]
  readonly options: readonly string[]
  /** Whether the push is signed (`push-cert`). */
  readonly signed: boolean
  readonly hash: 'sha1' | 'sha256'
  readonly pack: Buffer
}

const MAX_LINES = 2_000
const COMMAND = /^([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) ([^\0\n]+)$/

/** Undefined where it is no such request, or more than is read. */
export function readReceivePack(body: Buffer): ReceivePackRequest | undefined {
  const first = readSection(body, 0)
  if (first === undefined) return undefined
  const [caps, ...lines] = splitCapabilities(first.lines)
  const capabilities = caps!.split(' ').filter((one) => one !== '')
  const signed = lines[0]?.startsWith('push-cert') === true
  const commands = (signed ? linesOfCertificate(lines) : lines).flatMap((line) => {
    if (/^shallow [0-9a-f]+$/.test(line)) return []
    const [, old, next, ref] = COMMAND.exec(line) ?? []
    return [ref === undefined ? undefined : { old: old!, new: next!, ref }]
  })
  if (commands.length === 0 || commands.includes(undefined)) return undefined
  const wantsOptions = capabilities.includes('push-options')
  const second = wantsOptions ? readSection(body, first.end) : { lines: [], end: first.end }
  if (second === undefined) return undefined
  return {
    commands: commands as RefCommand[],
    capabilities,
    options: second.lines.map((line) => line.toString('utf8').replace(/\n$/, '')),
    signed,
    hash: capabilities.includes('object-format=sha256') ? 'sha256' : 'sha1',
    pack: body.subarray(second.end),
  }
}

interface Section {
  readonly lines: readonly Buffer[]
  readonly end: number
}

/** Lines up to a flush packet. */
function readSection(body: Buffer, from: number): Section | undefined {
  const lines: Buffer[] = []
  let at = from
  for (;;) {
    const written = body.toString('latin1', at, at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(written) || lines.length > MAX_LINES) return undefined
    const length = Number.parseInt(written, 16)
    if (length === 0) return { lines, end: at + 4 }
    if (length < 4 || at + length > body.length) return undefined
    lines.push(body.subarray(at + 4, at + length))
    at += length
  }
}

/** The capabilities stand behind a zero byte in the first line that has one. */
function splitCapabilities(lines: readonly Buffer[]): string[] {
  let capabilities = ''
  const texts = lines.map((line) => {
    const text = line.toString('utf8')
    const zero = text.indexOf('\0')
    if (zero >= 0 && capabilities === '') capabilities = text.slice(zero + 1).trim()
    return (zero < 0 ? text : text.slice(0, zero)).replace(/\n$/, '')
  })
  return [capabilities, ...texts]
}

/** The commands stand between the head of the certificate and its signature. */
function linesOfCertificate(lines: readonly string[]): string[] {
  const empty = lines.indexOf('')
  const end = lines.findIndex((line) => line.startsWith('-----BEGIN'))
  return empty < 0 ? [] : lines.slice(empty + 1, end < 0 ? undefined : end)
}
