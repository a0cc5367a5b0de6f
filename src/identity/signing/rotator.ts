/** Carries out what next-step.ts says is due, and what operators ask for. One change at a time: its caller sees to that. */
import type { Es256Signer } from '../../crypto/es256-signer.ts'
import type { Clock } from '../../ground/clock.ts'
import { Problem } from '../../ground/problem.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import * as changes from './changes.ts'
import { signingProblem } from './contract.ts'
import { type MadeKey, makeKey, type Places, signerOf } from './key-maker.ts'
import type { Entry, KeySet } from './key-set.ts'
import { type Ability, isListed, nextStep, type Situation, type Step, untilListed } from './next-step.ts'

export interface RotatorParts extends Places {
  readonly storage: Storage
  readonly clock: Clock
  readonly set: KeySet
  readonly rotateMs: number
  readonly longestTokenLifeMs: number
  readonly onTrouble: (error: Error) => void
}

const SYSTEM: Actor = { kind: 'system', id: 'claviger' }

export class Rotator {
  readonly #parts: RotatorParts
  /** Of keys that were asked for; null where a key cannot sign. */
  readonly #signers = new Map<string, Es256Signer | null>()
  #told = ''

  constructor(parts: RotatorParts) {
    this.#parts = parts
  }

  /** The same object for as long as the key may sign. */
  signer({ row, publicKey }: Entry): Es256Signer | undefined {
    if (row.hsm !== null && this.#parts.hsm?.lacks(row.hsm) !== false) return undefined
    let signer = this.#signers.get(row.id)
    if (signer === undefined) {
      signer = this.#open(() => signerOf(this.#parts, row, publicKey)) ?? null
      this.#signers.set(row.id, signer)
    }
    return signer ?? undefined
  }

  forget(kid?: string): void {
    if (kid === undefined) this.#signers.clear()
    else this.#signers.delete(kid)
  }

  /** Goes on until nothing is due. Rejects with what the HSM says, after everything that can be done without it. */
  async settle(): Promise<void> {
    let failure: unknown
    for (let step = nextStep(this.#situation()); step; step = nextStep(this.#situation(failure === undefined))) {
      try {
        await this.#perform(step, SYSTEM)
      } catch (error) {
        if (!isHsmProblem(error)) throw error
        failure = error
      }
    }
    await this.#erase()
    if (failure !== undefined) throw failure
  }

  async rotate(by: Actor): Promise<void> {
    await this.settle()
    const situation = this.#situation()
    const heir = this.#heir(situation)
    if (!heir) throw signingProblem('signing_key_missing')
    if (!isListed(heir, situation)) {
      const retryAfterSeconds = Math.ceil(untilListed(heir, situation) / 1_000)
      throw signingProblem('signing_key_too_new', { facts: { retryAfterSeconds } })
    }
    await this.#perform({ do: 'promote', next: heir, active: situation.active }, by)
    await this.settle()
  }

  /** Whatever signed until now is believed no more. */
  async replaceAll(by: Actor): Promise<void> {
    const { storage, set, hsm } = this.#parts
    // A token may let us wait, and a revocation waits for nobody.
    const fresh = hsm ? [] : await this.#pair()
    const live = [...set.all()].filter((entry) => entry.live !== undefined)
    const now = this.#parts.clock.now()
    const gone = live.map(({ row }) => changes.revoked(row, now, 'emergency'))
    await changes.write(storage, by, [...gone, ...fresh], true)
    await this.settle()
  }

  /** The next key takes the place of an active one at once, listed for long enough or not. */
  async revoke(entry: Entry, by: Actor): Promise<void> {
    const { storage, clock, longestTokenLifeMs } = this.#parts
    const now = clock.now()
    const heir = entry.row.status === 'active' ? this.#heir(this.#situation()) : undefined
    const heirs = heir ? [changes.activated(heir.row, now, longestTokenLifeMs)] : []
    await changes.write(storage, by, [changes.revoked(entry.row, now, 'revoked'), ...heirs], true)
    await this.settle()
  }

  /** Says it once, however often it is tried. */
  tell(error: Error): void {
    if (error.message === this.#told) return
    this.#told = error.message
    this.#parts.onTrouble(error)
  }

  async #perform(step: Step, by: Actor): Promise<void> {
    const { storage } = this.#parts
    await changes.write(storage, by, await this.#changesOf(step))
  }

  async #changesOf(step: Step): Promise<readonly changes.KeyChange[]> {
    const { clock, longestTokenLifeMs: longestMs } = this.#parts
    const now = clock.now()
    switch (step.do) {
      case 'begin':
        return this.#pair()
      case 'make next':
        return [this.#added(await makeKey(this.#parts), 'next')]
      case 'drop':
        return [changes.revoked(step.key.row, now, 'replaced')]
      case 'promote':
        return [
          ...(step.active ? [changes.retired(step.active.row, now)] : []),
          changes.activated(step.next.row, now, longestMs),
        ]
      case 'end':
        return [changes.revoked(step.key.row, now, 'retired')]
      case 'lengthen':
        return [changes.lengthened(step.key.row, step.longestMs)]
    }
  }

  /** One that signs at once, and the one after it, so that there is always a next key that everybody knows. */
  async #pair(): Promise<changes.KeyChange[]> {
    const active = await makeKey(this.#parts)
    const next = await makeKey(this.#parts)
    return [this.#added(active, 'active'), this.#added(next, 'next')]
  }

  #added(made: MadeKey, status: 'active' | 'next'): changes.KeyChange {
    const { clock, longestTokenLifeMs } = this.#parts
    return changes.added(made, status, clock.now(), longestTokenLifeMs)
  }

  /** The token lets go of keys that have signed for the last time; one that does not answer is asked again later. */
  async #erase(): Promise<void> {
    const { storage, set, hsm } = this.#parts
    if (!hsm) return
    for (const { row } of set.all()) {
      if (row.hsm === null || row.status === 'next' || row.status === 'active') continue
      await hsm.destroy(row.hsm)
      await changes.write(storage, SYSTEM, [changes.erased(row)])
    }
  }

  #situation(mayMake = true): Situation {
    const { set, clock, rotateMs, longestTokenLifeMs } = this.#parts
    return {
      next: set.of('next'),
      active: set.of('active')[0],
      retiring: set.of('retiring'),
      can: (entry) => this.#ability(entry),
      mayMake,
      now: clock.now(),
      mono: clock.mono(),
      rotateMs,
      longestMs: longestTokenLifeMs,
    }
  }

  #heir({ next, can }: Situation): Entry | undefined {
    return next.find((entry) => can(entry) === 'sign') ?? next.find((entry) => can(entry) === 'misplaced')
  }

  #ability(entry: Entry): Ability {
    if (!this.signer(entry)) return 'nothing'
    return (entry.row.place === 'hsm') === (this.#parts.hsm !== undefined) ? 'sign' : 'misplaced'
  }

  #open<T>(open: () => T): T | undefined {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'room_key_damaged') throw error
      this.tell(error)
      return undefined
    }
  }
}

export function isHsmProblem(error: unknown): error is Problem {
  return error instanceof Problem && error.code.startsWith('hsm_')
}
