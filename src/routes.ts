// Every endpoint of the control plane, bound. What two rooms need of each other is brought together here.
import { alertRoutes } from './alerts/routes.ts'
import { approvalEventRoutes } from './approvals/event-routes.ts'
import { laterRoutes } from './approvals/later/routes.ts'
import { receiptRoutes } from './approvals/receipts/routes.ts'
import { type ApprovalRouteNeeds, approvalRoutes } from './approvals/routes.ts'
import { statedRoutes } from './approvals/stated/routes.ts'
import { windowRoutes } from './approvals/windows/routes.ts'
import { auditRoutes } from './audit/routes.ts'
import { actorOf, type Who } from './callers.ts'
import { forgetCredential, forgetService } from './doors/agentvault/left-behind.ts'
import { revocationRoutes } from './doors/agentvault/revocation-routes.ts'
import { vaultServiceRoutes } from './doors/agentvault/service-routes.ts'
import { type GrantRouteNeeds, grantRoutes } from './grants/routes.ts'
import { agentCareRoutes } from './house/agent-care-routes.ts'
import { answerRoutes } from './house/answer-approval.ts'
import { llmEndpoints } from './house/botmaker.ts'
import { channelEndpoints } from './house/channels.ts'
import { checksOf } from './house/check-credential.ts'
import { checkCredentialRoutes } from './house/check-credential-routes.ts'
import { clauthRoutes } from './house/clauth.ts'
import { clawAuthRoutes } from './house/clawauth.ts'
import { clawGateEndpoints } from './house/clawgate.ts'
import { importKeyRoutes } from './house/import-keys.ts'
import { placeholderEndpoints } from './house/placeholders.ts'
import { hostsOf, placesOfAgent } from './house/proxy-needs.ts'
import { pushRoutes } from './house/push.ts'
import { ruleNeeds } from './house/rule-needs.ts'
import { standingOf } from './house/standing-of.ts'
import { whoMayApprove } from './house/who-may-approve.ts'
import { latelyOf } from './house/window-history.ts'
import { houseActions } from './house-actions.ts'
import { houseRoutes } from './house-routes.ts'
import type { BoundEndpoint } from './http/endpoint.ts'
import { httpProblem } from './http/problems.ts'
import type { AgentPrincipal, OperatorPrincipal } from './identity/contract.ts'
import { byOwnKey } from './identity/keys/by-own-key.ts'
import { provenKey } from './identity/keys/registration-proof.ts'
import { type KeyRouteNeeds, keyRoutes } from './identity/keys/routes.ts'
import { operatorRoutes } from './identity/people/operator-routes.ts'
import { passkeyRoutes } from './identity/people/passkey-routes.ts'
import { peopleLimit } from './identity/people/people-limit.ts'
import { sessionRoutesOfPeople } from './identity/people/session-routes.ts'
import { signInRoutesOfPeople } from './identity/people/sign-in-routes.ts'
import type { RelyingPrincipal } from './identity/relying/contract.ts'
import { relyingRoutes } from './identity/relying/operator-routes.ts'
import { relyingServiceRoutes } from './identity/relying/service-routes.ts'
import { identityRoutes } from './identity/routes.ts'
import { sessionRoutes } from './identity/sessions/routes.ts'
import { limitMetadata } from './identity/sign-ins/limit-metadata.ts'
import { signInRoutes } from './identity/sign-ins/routes.ts'
import { signingRoutes } from './identity/signing/routes.ts'
import { localCaRoutes } from './local-ca/routes.ts'
import { oauthEndpoints } from './oauth-needs.ts'
import type { Collect } from './proxy/collect.ts'
import { revokeShown } from './revoke-shown.ts'
import type { Rooms } from './rooms.ts'
import { ruleRoutes } from './rules/routes.ts'
import type { Service } from './services/contract.ts'
import { type ServiceRouteNeeds, serviceRoutes } from './services/routes.ts'
import type { Settings } from './settings.ts'
import type { Actor } from './storage/storage.ts'
import { connectionRoutes } from './vault/connections/routes.ts'
import { type VaultRouteNeeds, vaultRoutes } from './vault/routes.ts'

export function routesOf(rooms: Rooms, settings: Settings, collect: Collect): BoundEndpoint<Who>[] {
  const checks = checkCredentialRoutes<Who>(checksOf(rooms, collect), actorOf)
  return limitMetadata([...checks, ...everyRoute(rooms, settings)], rooms.signIns.limits)
}

function everyRoute(rooms: Rooms, settings: Settings): BoundEndpoint<Who>[] {
  const { identity, audit } = rooms
  return [
    ...houseRoutes<Who>(houseActions(rooms, settings)),
    // Before those with a name in their place: `self`, `register` and `invite` are no agents' names there.
    ...keyRoutes<Who>({
      identity,
      actorOf,
      agentOf: (who) => agentOf(who).agent.id,
      keyholderOf: (who) => byOwnKey(agentOf(who)).agent.id,
      register: registration(rooms),
    }),
    ...sessionRoutes<Who>({
      signIn: rooms.signIn,
      issuer: () => identity.room.issuer(),
      agentOf,
      revokeShown: (token) => revokeShown(rooms, token),
      jktOf: rooms.possession.jktOf,
    }),
    ...oauthEndpoints<Who>(rooms),
    ...agentCareRoutes<Who>(rooms, actorOf),
    ...importKeyRoutes<Who>(rooms, actorOf),
    ...doorRoutes(rooms, settings),
    ...whoRoutes(rooms, settings),
    ...signingRoutes<Who>({ signingKeys: rooms.signingKeys, actorOf }),
    ...relyingRoutes<Who>({ relying: rooms.relying, now: () => rooms.clock.now(), actorOf }),
    ...relyingServiceRoutes<Who>({ relying: rooms.relying, now: () => rooms.clock.now(), serviceOf: relyingService }),
    ...serviceRoutes<Who>(serviceNeeds(rooms)),
    ...vaultRoutes<Who>(vaultNeeds(rooms)),
    ...connectionsOf(rooms),
    ...grantRoutes<Who>(grantNeeds(rooms)),
    ...ruleRoutes<Who>(ruleNeeds(rooms)),
    ...approvalEndpoints(rooms, settings),
    ...localCaEndpoints(rooms),
    ...placeholderEndpoints<Who>(rooms, { actorOf, agentOf }),
    ...channelEndpoints(rooms),
    ...alertRoutes<Who>({ alerts: rooms.alerts, actorOf }),
    ...auditRoutes<Who>({ audit, agentOf: (name) => identity.findAgent(name)?.id ?? name }),
  ]
}

function whoRoutes(
  { identity, people, signIns, clock, tokenSockets }: Rooms,
  settings: Settings,
): BoundEndpoint<Who>[] {
  const needs = { room: people.room, actorOf, operatorOf, limit: peopleLimit(clock, settings.limitPeople) }
  return [
    ...operatorRoutes<Who>(needs),
    ...signInRoutesOfPeople<Who>(needs),
    ...sessionRoutesOfPeople<Who>(needs),
    ...passkeyRoutes<Who>(needs),
    ...identityRoutes<Who>({ identity, actorOf, tokenOf, openSocket: (id) => tokenSockets.open(id) }),
    ...signInRoutes<Who>({
      signIns,
      agentOf: (name) => identity.requireAgent(name).id,
      self: (who) => agentOf(who).agent,
    }),
  ]
}

function connectionsOf({ vault, services }: Rooms): BoundEndpoint<Who>[] {
  return connectionRoutes<Who>({
    vault,
    actorOf,
    serviceOf: (name) => services.find(name),
    serviceName: (id) => services.byId(id)?.name,
  })
}

function doorRoutes(rooms: Rooms, settings: Settings): BoundEndpoint<Who>[] {
  return [
    ...clawAuthRoutes<Who>(rooms, settings),
    ...clauthRoutes<Who>(rooms, settings, actorOf),
    ...llmEndpoints<Who>(rooms, actorOf),
    ...clawGateEndpoints<Who>(rooms, settings, actorOf),
    ...revocationRoutes<Who>({ ...rooms, book: rooms.vaultBook, actorOf }),
    ...vaultServiceRoutes<Who>({ ...rooms, admin: rooms.vaultAdmin, book: rooms.vaultBook, actorOf }),
  ]
}

function approvalEndpoints(rooms: Rooms, settings: Settings): BoundEndpoint<Who>[] {
  const { approvals, people, identity, channels } = rooms
  const needs = approvalNeeds(rooms)
  const agentStands = (agent: string) => identity.findAgent(agent)?.status === 'active'
  const limit = peopleLimit(rooms.clock, settings.limitPeople)
  const termsFor = (who: Who) => whoMayApprove(settings, settings.statedAssurance, agentOf(who).agent)
  return [
    ...approvalRoutes<Who>(needs),
    ...approvalEventRoutes<Who>(needs),
    ...laterRoutes<Who>({ ...needs, isNarrow: (who) => isNarrow(agentOf(who)) }),
    ...answerRoutes<Who>({ approvals, people, channels, operatorOf }),
    ...pushRoutes<Who>({ channels, people, actorOf, operatorOf, limit }),
    ...receiptRoutes<Who>({ ...needs, agentStands }),
    ...statedRoutes<Who>({ approvals, install: rooms.storage.instanceId, principalOf: agentOf, termsFor }),
    ...windowRoutes<Who>({ windows: approvals.windows, actorOf }),
  ]
}

function localCaEndpoints(rooms: Rooms): BoundEndpoint<Who>[] {
  const { localCa, services } = rooms
  const hosts = () => hostsOf(services.list())
  return localCaRoutes<Who>({ localCa, actorOf, hosts, givenTo: (who) => placesOfAgent(rooms, agentOf(who).agent.id) })
}

/** A signed token may have a scope of its own. */
const isNarrow = ({ token }: AgentPrincipal) => token.kind === 'jwt'

function tokenOf(who: Who) {
  if (who === undefined || who.kind === 'unproven') throw httpProblem('unauthenticated')
  return who.token.id
}

function operatorOf(who: Who): OperatorPrincipal {
  if (who?.kind !== 'operator') throw httpProblem('caller_refused')
  return who
}

function relyingService(who: Who): RelyingPrincipal {
  if (who?.kind !== 'service') throw httpProblem('caller_refused')
  return who
}

function approvalNeeds(rooms: Rooms): ApprovalRouteNeeds<Who> {
  const { approvals, identity, clock } = rooms
  const mustStand = (who: Who) => {
    const { agent, token } = agentOf(who)
    if (!identity.isLive(agent.id, token.id)) throw httpProblem('unauthenticated')
  }
  const agent = (who: Who) => agentOf(who).agent.id
  return {
    approvals,
    agentOf: agent,
    actorOf,
    mustStand,
    standingOf: standingOf(rooms),
    latelyOf: (window) => latelyOf(rooms, window),
    now: () => clock.now(),
  }
}

function agentOf(who: Who): AgentPrincipal {
  if (who?.kind !== 'agent') throw httpProblem('caller_refused')
  return who
}

/** Native registration: the proof is always wanted, and an invite unless registration is open to all. */
function registration({ signIn, identity, clock }: Rooms): KeyRouteNeeds<Who>['register'] {
  return async ({ name, publicKey, proof, invite, attestation }, from) => {
    const key = provenKey(publicKey, proof, identity.room.issuer(), clock.now())
    const behind = invite === undefined ? ('nobody' as const) : { invite }
    const asked = { name, key, attestation, proven: true, behind }
    const registered = await signIn.register(asked, { ...from, door: 'native' })
    const { agent } = registered
    const { thumbprint, hash: publicKeyHash } = key
    return { agentId: agent.id, keyId: registered.key.id, thumbprint, publicKeyHash, status: agent.status }
  }
}

function serviceNeeds(rooms: Rooms): ServiceRouteNeeds<Who> {
  const { services } = rooms
  return {
    actorOf,
    list: () => services.list(),
    find: (name) => services.find(name),
    add: (input, by) => services.add(input, by),
    replace: (name, input, by) => replaceService(rooms, name, input, by),
    remove: (name, by) => removeService(rooms, name, by),
  }
}

function vaultNeeds({ storage, vault, services, grants, vaultBook: book, clock }: Rooms): VaultRouteNeeds<Who> {
  return {
    vault,
    clock,
    actorOf,
    serviceOf: (name) => services.find(name),
    serviceName: (id) => services.byId(id)?.name,
    removed: (id, by) =>
      storage.write(
        async (tx) => {
          await grants.revokeOfCredential(id, by, tx)
          await forgetCredential({ book, grants }, id, by, tx)
        },
        { urgent: true },
      ),
  }
}

function grantNeeds({ grants, identity, services, vault, clock }: Rooms): GrantRouteNeeds<Who> {
  return {
    grants,
    clock,
    actorOf,
    agentOf: (name) => identity.requireAgent(name).id,
    agentName: (id) => identity.findAgent(id)?.name,
    serviceOf: (name) => services.find(name),
    serviceName: (id) => services.byId(id)?.name,
    credentialsOf: (service) => vault.list().filter((credential) => credential.service === service),
    credentialHandle: (id) => vault.find(id)?.handle,
  }
}

/** New origins need new seals: until that is done the credentials do not open, and no call goes out with them. */
async function replaceService(
  { services, vault }: Rooms,
  name: string,
  input: Parameters<typeof services.replace>[1],
  by: Actor,
): Promise<Service> {
  const { service, newOrigins } = await services.replace(name, input, by)
  // Always, so that trying again mends what a crash left in between; what is bound already is left alone.
  await vault.rebind(service.id, newOrigins, by)
  return service
}

async function removeService({ storage, services, vault, grants, vaultBook }: Rooms, name: string, by: Actor) {
  const { id, ended } = await storage.write(
    async (tx) => {
      const { id } = await services.remove(name, by, tx)
      const ended = await grants.revokeOfService(id, by, tx)
      await forgetService(vaultBook, id, by, tx)
      return { id, ended }
    },
    { urgent: true },
  )
  const credentials = vault.list().filter(({ service }) => service === id)
  for (const credential of credentials) await vault.remove(credential.id, by)
  return { grants: ended.length, credentials: credentials.length }
}
