// The OpenAPI document of everything that answers, for `npm run generate`.
import { z } from 'zod'
import * as alerts from './alerts/routes.ts'
import * as channels from './approvals/channels/routes.ts'
import * as approvalEvents from './approvals/event-routes.ts'
import * as approvalsLater from './approvals/later/routes.ts'
import * as receipts from './approvals/receipts/routes.ts'
import * as approvals from './approvals/routes.ts'
import * as statements from './approvals/stated/routes.ts'
import * as windows from './approvals/windows/routes.ts'
import * as audit from './audit/routes.ts'
import * as verification from './audit/verification-routes.ts'
import * as vaultRevocations from './doors/agentvault/revocation-routes.ts'
import * as vaultServices from './doors/agentvault/service-routes.ts'
import * as clauth from './doors/clauth/desk-contract.ts'
import * as clawAuthAgents from './doors/clawauth/agent-routes.ts'
import * as clawAuthServices from './doors/clawauth/service-routes.ts'
import * as clawAuthSignIn from './doors/clawauth/sign-in-routes.ts'
import * as clawAuthWebhooks from './doors/clawauth/webhook-routes.ts'
import * as clawGateKeys from './doors/clawgate/key-routes.ts'
import * as clawGateMembers from './doors/clawgate/member-endpoints.ts'
import { denialProblems } from './gate/denials.ts'
import * as grants from './grants/routes.ts'
import { parameterProblems } from './ground/fill-template.ts'
import * as agentCare from './house/agent-care-routes.ts'
import * as approvalAnswers from './house/answer-approval.ts'
import * as credentialCheck from './house/check-credential-routes.ts'
import * as importKeys from './house/import-keys.ts'
import * as push from './house/push.ts'
import * as renewDevice from './house/renew-device.ts'
import * as house from './house-endpoints.ts'
import { type AnyEndpoint, endpoint } from './http/endpoint.ts'
import { openApi } from './http/openapi.ts'
import * as invites from './identity/keys/invite-routes.ts'
import * as keys from './identity/keys/routes.ts'
import * as oauth from './identity/oauth/contract.ts'
import * as operators from './identity/people/operator-routes.ts'
import * as passkeys from './identity/people/passkey-routes.ts'
import * as personSessions from './identity/people/session-routes.ts'
import * as personSignIns from './identity/people/sign-in-routes.ts'
import * as relying from './identity/relying/operator-routes.ts'
import * as relyingServices from './identity/relying/service-routes.ts'
import * as identity from './identity/routes.ts'
import * as sessions from './identity/sessions/routes.ts'
import * as signIns from './identity/sign-ins/routes.ts'
import * as signing from './identity/signing/routes.ts'
import * as llm from './llm/routes.ts'
import * as llmUse from './llm/use-routes.ts'
import * as localCa from './local-ca/routes.ts'
import * as placeholders from './placeholders/routes.ts'
import { EXPLICIT_CALL_PATH, ExplicitCall } from './proxy/explicit-call.ts'
import { proxyProblems } from './proxy/problems.ts'
import * as rules from './rules/routes.ts'
import * as services from './services/routes.ts'
import * as serviceTemplates from './services/template-routes.ts'
import * as connections from './vault/connections/routes.ts'
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

/** Every file that says endpoints. */
const modules = [
  house,
  identity,
  localCa,
  placeholders,
  llm,
  llmUse,
  keys,
  invites,
  agentCare,
  operators,
  passkeys,
  personSessions,
  personSignIns,
  sessions,
  oauth,
  signing,
  relying,
  relyingServices,
  signIns,
  services,
  serviceTemplates,
  vault,
  connections,
  importKeys,
  credentialCheck,
  grants,
  rules,
  receipts,
  statements,
  approvals,
  approvalEvents,
  approvalsLater,
  channels,
  approvalAnswers,
  push,
  renewDevice,
  windows,
  clauth,
  vaultServices,
  vaultRevocations,
  clawAuthAgents,
  clawAuthServices,
  clawAuthSignIn,
  clawAuthWebhooks,
  clawGateKeys,
  clawGateMembers,
  alerts,
  audit,
  verification,
]

export function openApiDocument(): object {
  const endpoints = modules.flatMap((module) => Object.values(module).filter(isEndpoint))
  return openApi([...endpoints, explicitCall], VERSION)
}

function isEndpoint(value: unknown): value is AnyEndpoint {
  return typeof value === 'object' && value !== null && 'caller' in value && 'path' in value && 'reply' in value
}
