import type { ActionInput, Risk, ServiceInput } from '../contract.ts'

/** A provider that we know, as data. Scopes are written without the service's name, which the operator chooses. */
export interface Preset {
  readonly name: string
  readonly aliases?: readonly string[]
  /** One line for people. */
  readonly title: string
  /** Where the provider describes the API. */
  readonly docs: string
  readonly settings: Omit<ServiceInput, 'name' | 'preset' | 'actions'> & { readonly origins: string[] }
  readonly actions: readonly PresetAction[]
}

type Method = ActionInput['method']

/**
 * Name, method, path, scope (`resource:verb`), risk. A verb that is a class says what the action is, whatever its method,
 * and the class scope is enough as well: `slack:read` reads by POST. Other verbs (`admin`, `send`, `pay`) must be granted.
 */
export type PresetAction = readonly [name: string, method: Method, path: string, scope: string, risk?: Risk]

/** Limits for models that think before the first byte. */
export const thinking = { headersMs: 300_000 } as const
