// What goes in and out of connecting an account. Times are milliseconds since 1970.
import type { ServiceId } from '../../ground/ids.ts'
import type { CredentialView } from '../contract.ts'
import type { Flow, OAuthPlaces } from './authorization-server.ts'

export interface NewConnect {
  readonly handle: string
  readonly service: ServiceId
  readonly origins: readonly string[]
  readonly oauth: OAuthPlaces | undefined
  readonly flow: Flow
  readonly clientId: string
  readonly clientSecret?: string | undefined
  readonly scopes?: readonly string[] | undefined
  /** Where the provider sends the browser back to: a port of this machine. For `code` alone. */
  readonly redirectUri?: string | undefined
}

export type Begun = { readonly id: string; readonly expiresAt: number } & (
  | { readonly flow: 'code'; readonly authorizationUrl: string }
  | {
      readonly flow: 'device'
      readonly userCode: string
      readonly verificationUri: string
      readonly verificationUriComplete?: string | undefined
      readonly intervalSeconds: number
    }
)

export type Polled =
  | { readonly status: 'pending'; readonly retryAfterSeconds: number }
  | { readonly status: 'connected'; readonly credential: CredentialView }
