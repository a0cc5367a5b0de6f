import { type Canonical, canonicalJson } from '../ground/canonical-json.ts'
import type { IntentRecord } from './contract.ts'
import { quote, whole } from './quote.ts'

/** The text of an intent around what differs from call to call: path, query and request id. */
export interface IntentFrame {
  /** From `{` to the decision. */
  readonly head: string
  /** From `,"req":` to the path. */
  readonly before: string
  /** From the service to the request id. */
  readonly after: string
}

class KnownFrame implements IntentFrame {
  readonly head: string
  readonly before: string
  readonly after: string
  readonly #boot: string
  readonly #record: IntentRecord

  constructor(boot: string, record: IntentRecord) {
    const { actor, req, decision, credential, ev } = record
    const told = ev === undefined ? '' : `,"ev":${canonicalJson(ev as Canonical)}`
    const sealed = credential
      ? `,"credential":{"id":${quote(credential.id)},"version":${whole(credential.version)}}`
      : ''
    this.head = flat(
      `{"actor":{"id":${quote(actor.id)},"key":${quote(actor.key)},"kind":"agent"},"boot":"${boot}"${sealed}` +
        `,"decision":{"effect":"allow","policy":${whole(decision.policy)},"rule":${quote(decision.rule)}}${told}`,
    )
    this.before = flat(`,"req":{"method":${quote(req.method)},"origin":${quote(req.origin)},"path":`)
    this.after = flat(`,"service":${quote(req.service)}},"rid":`)
    this.#boot = boot
    this.#record = record
  }

  /** Whether all that is in this text is the same in the other record. */
  fits(boot: string, { actor, req, decision, credential, ev }: IntentRecord): boolean {
    const known = this.#record
    return (
      boot === this.#boot &&
      ev === known.ev &&
      actor.key === known.actor.key &&
      actor.id === known.actor.id &&
      decision.rule === known.decision.rule &&
      decision.policy === known.decision.policy &&
      credential?.id === known.credential?.id &&
      credential?.version === known.credential?.version &&
      req.method === known.req.method &&
      req.origin === known.req.origin &&
      req.service === known.req.service
    )
  }
}

const frames = new Map<string, KnownFrame>()
const MOST = 1_024

/** The last frame of each grant is kept: calls on one grant seldom differ in more than path and id. */
export function intentFrame(boot: string, record: IntentRecord): IntentFrame {
  const known = frames.get(record.decision.rule)
  if (known?.fits(boot, record)) return known
  const made = new KnownFrame(boot, record)
  if (frames.size >= MOST) frames.clear()
  frames.set(record.decision.rule, made)
  return made
}

/** One string instead of a tree of pieces, which would be walked through for every line that it is part of. */
function flat(text: string): string {
  return Buffer.from(text).toString()
}
