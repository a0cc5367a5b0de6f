// Builds all that answers "who is asking?": keys that sign, agents and what they show, services that rely on it.
import type { Alarms } from '../alarms.ts'
import { eventOfBand, eventOfFinding, type Knows } from '../alert-events.ts'
import type { Alerts } from '../alerts/alerts.ts'
import type { Foundation, FoundationOptions } from '../foundation.ts'
import { addressSet } from '../ground/addresses.ts'
import { callIds } from '../ground/call-ids.ts'
import type { CallId } from '../ground/ids.ts'
import { type ClientOf, clientAddresses } from '../http/client-address.ts'
import { DAY_MS } from '../identity/contract.ts'
import { createIdentity, type Identity } from '../identity/identity.ts'
import type { Party } from '../identity/people/party.ts'
import { People } from '../identity/people/people.ts'
import type { Relying } from '../identity/relying/relying.ts'
import type { IdentityRules } from '../identity/room.ts'
import { SignIn, type SignInNeeds } from '../identity/sessions/sign-in.ts'
import type { SignIns } from '../identity/sign-ins/sign-ins.ts'
import { LONGEST_TOKEN_LIFE_MS } from '../identity/signing/contract.ts'
import type { Hsm } from '../identity/signing/key-maker.ts'
import { createSigningKeys, type SigningKeys } from '../identity/signing/signing-keys.ts'
import { Possession, type PossessionOptions } from '../possession.ts'
import { knowRelyingServices } from '../relying-services.ts'
import type { Settings } from '../settings.ts'
import { knowsBy } from '../tell.ts'
import { TokenSockets } from '../token-sockets.ts'
import type { Vault } from '../vault/vault.ts'
import { watchSignIns } from '../watch-sign-ins.ts'

export interface WhoAsks {
  readonly identity: Identity
  /** Operators as persons. */
  readonly people: People
  readonly signIns: SignIns
  /** From a proof to tokens, for every door. */
  readonly signIn: SignIn
  readonly signingKeys: SigningKeys
  readonly relying: Relying
  readonly possession: Possession
  /** Ways in that are one token's own. */
  readonly tokenSockets: TokenSockets
  /** Who is at the other end of a request. */
  readonly clientOf: ClientOf
  readonly nextRid: () => CallId
  readonly knows: Knows
}

export interface WhoAsksNeeds extends Pick<Foundation, 'clock' | 'bootId' | 'storage' | 'audit'> {
  readonly options: FoundationOptions
  readonly vault: Vault
  readonly alarms: Alarms
  readonly alerts: Alerts
  readonly hsm: Hsm | undefined
  /** The gateway's origin, as tokens name it. */
  readonly issuer: () => string
  /** Where the operators' pages are. */
  readonly parties: () => readonly Party[]
}

export function buildWhoAsks(needs: WhoAsksNeeds): WhoAsks {
  const { options, clock, storage, audit, vault, alarms, alerts, issuer } = needs
  const { settings, log } = options
  const pepper = () => vault.keys().tokenPepper
  const signingKeys = keysFor(needs)
  const identity = createIdentity({
    ...{ storage, clock, pepper, issuer },
    box: {
      seal: (purpose, bytes) => vault.sealKey(purpose, bytes),
      open: (purpose, sealed) => vault.openKey(purpose, sealed),
    },
    signing: signingKeys,
    rules: rulesOf(settings),
    onBadRow: (table, id) => alarms.editedRow(table, id),
  })
  const onFinding = (finding: Parameters<typeof eventOfFinding>[0]) => alerts.emit(eventOfFinding(finding, knows))
  const signIns = watchSignIns({ storage, clock, audit, log, settings, onFinding })
  const relying = knowRelyingServices({
    ...{ storage, clock, pepper, identity, signIns, alarms },
    onBandChange: (change) => alerts.emit(eventOfBand(change, knows)),
  })
  const knows = knowsBy({ identity, relying, clock })
  const clientOf = clientAddresses(addressSet(settings.trustedProxies))
  const nextRid = callIds(needs.bootId)
  const possession = possessionFor(needs, clientOf, nextRid)
  const tokenSockets = tokenSocketsFor(needs, identity)
  const signIn = new SignIn({ room: identity.room, signIns, claimsFor: claimsBy(relying, issuer) })
  const people = new People(identity.room, needs.parties, ({ rid, reason, operator, ...ev }) => {
    const actor = operator === undefined ? undefined : ({ kind: 'operator', id: operator } as const)
    audit.deny({
      rid,
      reason,
      ...(actor && { actor }),
      policy: storage.epoch(),
      ev: { what: 'operator.refused', ...ev },
    })
  })
  return { identity, people, signIns, signIn, signingKeys, relying, possession, tokenSockets, clientOf, nextRid, knows }
}

function possessionFor(needs: WhoAsksNeeds, clientOf: ClientOf, nextRid: () => CallId): Possession {
  const { clock, bootId, issuer, storage, audit } = needs
  const onElsewhere: PossessionOptions['onElsewhere'] = ({ agent, token }, { address }) =>
    audit.deny({
      rid: nextRid(),
      actor: { kind: 'agent', id: agent.id, key: token.id },
      reason: 'token_elsewhere',
      policy: storage.epoch(),
      ev: { what: 'token.elsewhere', address },
    })
  return new Possession({ clock, bootId, issuer, clientOf, onElsewhere })
}

function tokenSocketsFor({ options, clock, storage }: WhoAsksNeeds, identity: Identity): TokenSockets {
  const { settings, log } = options
  const onTrouble = (err: unknown, token: string) =>
    log.error({ err: err as Error, token }, 'the socket of a token cannot be opened')
  return new TokenSockets({ ...{ home: settings.home, clock, storage, identity }, onTrouble })
}

/** What stands in a token besides the usual: for a service its roles; for the gateway nothing, but what a door promises. */
function claimsBy(relying: Relying, issuer: () => string): SignInNeeds['claimsFor'] {
  return (agent, audience, typ) => {
    if (audience !== issuer()) return relying.claimsFor(agent, audience)
    return typ === 'JWT' ? { roles: [], permissions: [], trustScore: relying.trustOf(agent).score } : {}
  }
}

function rulesOf({ publicRegistration, keyMaxAgeDays }: Settings): Partial<IdentityRules> {
  return { publicRegistration, keyMaxAgeMs: keyMaxAgeDays === 0 ? undefined : keyMaxAgeDays * DAY_MS }
}

function keysFor({ options, storage, clock, vault, hsm }: WhoAsksNeeds): SigningKeys {
  const { settings, log } = options
  return createSigningKeys({
    storage,
    clock,
    seal: (purpose, bytes) => vault.sealKey(purpose, bytes),
    open: (purpose, sealed) => vault.openKey(purpose, sealed),
    hsm,
    rotateMs: settings.signingKeyDays * DAY_MS,
    longestTokenLifeMs: LONGEST_TOKEN_LIFE_MS,
    onTrouble: (error) => log.warn({ err: error }, 'the signing keys are not as they should be; it is tried again'),
  })
}
