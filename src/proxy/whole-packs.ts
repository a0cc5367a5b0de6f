/**
 * What git may send with a push (gitprotocol-pack, gitprotocol-capabilities: `no-thin`). Without it git sends changes of what
 * the server has, and of those nobody who is asked about the push could say which files they are of. So the server's list of
 * what it can do gets one word more, and git sends what is new whole. Nothing else of any answer is touched.
 */
import type { CanonicalCall } from '../policy/permit.ts'
import type { BodyTransform, Emit } from './transform.ts'

const ADVERTISEMENT = 'application/x-git-receive-pack-advertisement'
const WORD = ' no-thin'
/** Of one line of the protocol, its length included. */
const MAX_LINE = 65_520
/** Before the line that the word belongs to stands one that names the service, and at times one with the version. */
const MAX_LINES = 4

/** Whether the answer to this call is such a list. */
export function tellsOfPushes({ method, target }: CanonicalCall, status: number, contentType: unknown): boolean {
  if (method !== 'GET' || status !== 200 || contentType !== ADVERTISEMENT) return false
  return target.path.endsWith('/info/refs') && target.query === 'service=git-receive-pack'
}

export function askForWholePacks(): BodyTransform {
  let held: Buffer | undefined = Buffer.alloc(0)
  return {
    push(chunk, emit) {
      if (held === undefined) return emit(chunk)
      held = Buffer.concat([held, chunk])
      const changed = withWord(held)
      if (changed === undefined) return undefined
      held = undefined
      return emit(changed)
    },
    flush(emit: Emit) {
      const rest = held
      held = undefined
      return rest === undefined || rest.length === 0 ? undefined : emit(rest)
    },
  }
}

/** What goes on, changed or as it is where it is not what was expected; undefined where more must come to tell. */
function withWord(bytes: Buffer): Buffer | undefined {
  let at = 0
  for (let line = 0; line < MAX_LINES; line++) {
    if (bytes.length < at + 4) return undefined
    const written = bytes.toString('latin1', at, at + 4)
    if (!/^[0-9a-f]{4}$/.test(written)) return bytes
    const length = Number.parseInt(written, 16)
    if (length > MAX_LINE || (length < 4 && length !== 0)) return bytes
    if (bytes.length < at + length) return undefined
    const capabilities = bytes.subarray(at, at + length).indexOf(0)
    if (length > 4 && capabilities >= 0) return changedLine(bytes, at, length, at + capabilities)
    at += Math.max(4, length)
  }
  return bytes
}

function changedLine(bytes: Buffer, at: number, length: number, capabilities: number): Buffer {
  const end = at + length
  const words = bytes
    .toString('latin1', capabilities + 1, end)
    .trimEnd()
    .split(' ')
  if (words.includes('no-thin') || length + WORD.length > MAX_LINE) return bytes
  const last = bytes[end - 1] === 0x0a ? end - 1 : end
  const written = (length + WORD.length).toString(16).padStart(4, '0')
  return Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from(written, 'latin1'),
    bytes.subarray(at + 4, last),
    Buffer.from(WORD, 'latin1'),
    bytes.subarray(last),
  ])
}
