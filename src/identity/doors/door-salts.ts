import { createHash, type KeyObject } from 'node:crypto'
import { storedImport } from '../../crypto/tokens.ts'
import { Problem } from '../../ground/problem.ts'
import type { PersonalBox } from '../personal.ts'
import type { DoorName } from './contract.ts'
import type { DoorSaltRow } from './store.ts'

/** A few: each costs whoever shows an unknown token a hash. */
const MOST = 8

/** Salts that came with the token hashes of other systems, opened. What they are good for is in door-tokens.ts. */
export class DoorSalts {
  readonly #box: PersonalBox
  readonly #salts = new Map<string, { readonly door: DoorName; readonly text: string }>()

  constructor(box: PersonalBox) {
    this.#box = box
  }

  /** One that was sealed elsewhere is none: the tokens that need it are unknown, and others go on. */
  put({ id, door, sealed }: DoorSaltRow): void {
    try {
      this.#salts.set(id, { door, text: this.#box.open(purposeOf(id), sealed).reveal().toString('utf8') })
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'room_key_damaged')) throw error
    }
  }

  clear(): void {
    this.#salts.clear()
  }

  /** Undefined where it is known. `full`: there are as many as there may be. */
  rowFor(door: DoorName, text: string): DoorSaltRow | 'full' | undefined {
    const id = `${door}-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
    if (this.#salts.has(id)) return undefined
    if (this.#salts.size >= MOST) return 'full'
    return { id, door, sealed: this.#box.seal(purposeOf(id), Buffer.from(text)) }
  }

  /** The forms that a token would be stored in, had it been brought over. */
  formsOf(door: DoorName, token: string, pepper: KeyObject): Buffer[] {
    const forms: Buffer[] = []
    for (const salt of this.#salts.values())
      if (salt.door === door) forms.push(storedImport(pepper, door, clauthHash(salt.text, token)))
    return forms
  }
}

/** As Clauth kept it: SHA-256 of `<skillTokenSalt>:<token>` (clauth.md §7). */
function clauthHash(salt: string, token: string): Buffer {
  return createHash('sha256').update(`${salt}:${token}`).digest()
}

const purposeOf = (id: string) => `door-salt/${id}`
