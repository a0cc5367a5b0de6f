// What clients are told of the OAuth endpoints before they use them. Made once for each issuer: nothing is encoded for a
// caller, so that asking a thousand times costs next to nothing (F-13).
import { GRANT_TYPES } from './contract.ts'

/** RFC 8414 §2. No endpoint here shows pages, so there is no response type. */
function serverMetadata(issuer: string): object {
  const algorithms = ['ES256']
  const documentation = `${issuer}/docs/oauth`
  return {
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: [],
    grant_types_supported: GRANT_TYPES,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: ['private_key_jwt', 'Bearer'],
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    dpop_signing_alg_values_supported: algorithms,
    protected_resources: [issuer],
    service_documentation: documentation,
  }
}

/** RFC 9728 §2. */
function resourceMetadata(issuer: string): object {
  return {
    resource: issuer,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: ['ES256'],
    dpop_bound_access_tokens_required: false,
    resource_name: 'Claviger',
    resource_documentation: `${issuer}/docs/oauth`,
  }
}

/** The bytes of both, made again only when the issuer is another. */
export class Metadata {
  readonly #issuer: () => string
  #of: string | undefined
  #server = Buffer.alloc(0)
  #resource = Buffer.alloc(0)

  constructor(issuer: () => string) {
    this.#issuer = issuer
  }

  server(): Buffer {
    this.#make()
    return this.#server
  }

  resource(): Buffer {
    this.#make()
    return this.#resource
  }

  #make(): void {
    const issuer = this.#issuer()
    if (issuer === this.#of) return
    this.#of = issuer
    this.#server = Buffer.from(JSON.stringify(serverMetadata(issuer)))
    this.#resource = Buffer.from(JSON.stringify(resourceMetadata(issuer)))
  }
}
