import type { Actor } from '../storage/storage.ts'
import type { Approval } from './contract.ts'
import type { TrustWindow } from './windows/open-window.ts'

/** An approval as it is to be from now on, and what is on record of the change (`approval.<what>`). */
export interface Changed {
  readonly next: Approval
  readonly what: string
  readonly actor: Actor
  readonly ev: { readonly [name: string]: string | number | undefined }
  /** The window that the same answer opens. */
  readonly opens?: TrustWindow | undefined
}
