import type { KeyObject } from 'node:crypto'
import type { Es256Signer } from '../crypto/es256-signer.ts'
import type { Clock } from '../ground/clock.ts'
import type { Storage } from '../storage/storage.ts'
import type { Directory } from './directory.ts'
import type { DoorSalts } from './doors/door-salts.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { PersonalBox } from './personal.ts'
import type { SessionBook } from './sessions/session-book.ts'

/** The vault's key for opaque tokens in its present version. Throws Problem `vault_sealed` while there is none. */
export type Pepper = () => { readonly version: number; readonly key: KeyObject }

/** What signs and checks access tokens. */
export interface TokenKeys {
  /** Throws Problem `vault_sealed` while there is none. */
  active(): Es256Signer
  /** By the `kid` of a token; never one that was revoked. */
  find(kid: string): { readonly key: KeyObject } | undefined
}

/** What the installation wants of agents' keys and sign-ins. */
export interface IdentityRules {
  /** Whether anybody may register an agent, which then waits for approval. */
  readonly publicRegistration: boolean
  /** Older keys are refused; undefined: keys may be of any age. */
  readonly keyMaxAgeMs: number | undefined
  /** Sign-ins of one agent that are remembered; the oldest go for new ones. */
  readonly mostSessions: number
}

/** What the functions of this room work on. */
export interface Room extends IdentityRules {
  readonly storage: Storage
  readonly clock: Clock
  readonly pepper: Pepper
  /** For what names a person. */
  readonly box: PersonalBox
  readonly directory: Directory
  readonly keys: KeyRing
  readonly sessions: SessionBook
  readonly salts: DoorSalts
  readonly signing: TokenKeys
  /** Who issues tokens here, and the audience of those that are for the gateway: its origin. */
  readonly issuer: () => string
  /** Each says whether a name gives authority to whoever has it: those who register themselves do not get such a name. */
  readonly keptNames: ((name: string) => boolean)[]
}
