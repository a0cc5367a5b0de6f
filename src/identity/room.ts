import type { KeyObject } from 'node:crypto'
import type { Clock } from '../ground/clock.ts'
import type { Storage } from '../storage/storage.ts'
import type { Directory } from './directory.ts'

/** The vault's key for opaque tokens in its present version. Throws Problem `vault_sealed` while there is none. */
export type Pepper = () => { readonly version: number; readonly key: KeyObject }

/** What the functions of this room work on. */
export interface Room {
  readonly storage: Storage
  readonly clock: Clock
  readonly pepper: Pepper
  readonly directory: Directory
}
