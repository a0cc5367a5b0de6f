// The OpenAPI document of everything that answers, for `npm run generate`.
import { z } from 'zod'
import * as alerts from './alerts/routes.ts'
import * as audit from './audit/routes.ts'
import * as vaultRevocations from './doors/agentvault/revocation-routes.ts'
import * as vaultServices from './doors/agentvault/service-routes.ts'
import * as clauth from './doors/clauth/desk-contract.ts'
import { denialProblems } from './gate/denials.ts'
import * as grants from './grants/routes.ts'
import { parameterProblems } from './ground/fill-template.ts'
import * as credentialCheck from './house/check-credential-routes.ts'
import * as house from './house-endpoints.ts'
import { type AnyEndpoint, endpoint } from './http/endpoint.ts'
import { openApi } from './http/openapi.ts'
import * as keys from './identity/keys/routes.ts'
import * as oauth from './identity/oauth/contract.ts'
import * as operators from './identity/people/operator-routes.ts'
import * as relying from './identity/relying/operator-routes.ts'
import * as relyingServices from './identity/relying/service-routes.ts'
import * as identity from './identity/routes.ts'
import * as sessions from './identity/sessions/routes.ts'
import * as signIns from './identity/sign-ins/routes.ts'
import * as signing from './identity/signing/routes.ts'
import { EXPLICIT_CALL_PATH, ExplicitCall } from './proxy/explicit-call.ts'
import { proxyProblems } from './proxy/problems.ts'
import * as services from './services/routes.ts'
import * as serviceTemplates from './services/template-routes.ts'
import * as vault from './vault/routes.ts'
import { VERSION } from './version.ts'

/** Carried out by the data plane; described here like the others. */
const explicitCall = endpoint({
  method: 'POST',
  path: EXPLICIT_CALL_PATH,
  caller: 'agent',
  summary: 'Make a call to a service; answered with the status, headers and body of the service',
  body: z.strictObject({
    ...ExplicitCall.shape,
    body: z.unknown().optional(),
    params: z.record(z.string().max(256), z.unknown()).optional(),
  }),
  reply: z.unknown(),
  problems: { ...denialProblems, ...proxyProblems, ...parameterProblems },
})

export function openApiDocument(): object {
  const modules = [
    house,
    identity,
    keys,
    operators,
    sessions,
    oauth,
    signing,
    relying,
    relyingServices,
    signIns,
    services,
    serviceTemplates,
    vault,
    credentialCheck,
    grants,
    clauth,
    vaultServices,
    vaultRevocations,
    alerts,
    audit,
  ]
  const endpoints = modules.flatMap((module) => Object.values(module).filter(isEndpoint))
  return openApi([...endpoints, explicitCall], VERSION)
}

function isEndpoint(value: unknown): value is AnyEndpoint {
  return typeof value === 'object' && value !== null && 'caller' in value && 'path' in value && 'reply' in value
}
