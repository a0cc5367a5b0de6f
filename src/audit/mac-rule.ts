import { type GroupMark, macVerdict, type TailKey } from './group-mark.ts'
import { mayLackMac } from './record-types.ts'

const TYPE = /,"type":"([a-z._0-9]{1,64})","v":1[^{}]*\}$/

/** The type of a record, read from the end of its line; '' if the line does not end as records do. */
export function typeOf(chunk: Buffer, start: number, end: number): string {
  return TYPE.exec(chunk.toString('latin1', Math.max(start, end - 192), end))?.[1] ?? ''
}

/**
 * Which groups may be without a mac: those written while the vault was sealed, so after a `boot` or `seal` record and
 * before the first group with a mac again, and only of types that a sealed gateway writes. Fed with groups in order.
 */
export class MacRule {
  readonly #tailKey: TailKey
  /** Whether the vault may be sealed here; undefined until a border was seen. */
  #sealed: boolean | undefined
  #macless = false
  /** A group without mac was let pass although no border had been seen yet. */
  unsure = false

  /** `sealed`: true at the very beginning of a log, undefined in its middle. */
  constructor(tailKey: TailKey, sealed?: boolean) {
    this.#tailKey = tailKey
    this.#sealed = sealed
  }

  /** What is wrong with the group; undefined if nothing. `check: false` only learns from it. */
  group(mark: GroupMark, types: readonly string[], check = true): string | undefined {
    const border = types.includes('boot') || types.includes('seal')
    return mark.mac === undefined ? this.#without(types, border, check) : this.#with(mark, border, check)
  }

  #with(mark: GroupMark, border: boolean, check: boolean): string | undefined {
    if (this.#macless) this.#sealed = false
    this.#macless = false
    if (border) this.#sealed = true
    const verdict = check ? macVerdict(mark, this.#tailKey) : 'good'
    return verdict === 'good' ? undefined : verdict === 'bad' ? 'the mac does not hold' : 'a mac of an unknown key'
  }

  #without(types: readonly string[], border: boolean, check: boolean): string | undefined {
    if (border) this.#sealed = true
    this.#macless = true
    if (!check) return undefined
    const forged = types.find((type) => !mayLackMac(type))
    if (forged !== undefined) return `a group without mac holds a record of type '${forged}'`
    if (this.#sealed === false) return 'a group without mac although the vault was open'
    if (this.#sealed === undefined) this.unsure = true
    return undefined
  }
}
