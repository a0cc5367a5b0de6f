// What the house does for its own endpoints.

import type { z } from 'zod'
import { actorOf, type Who } from './callers.ts'
import { forgetFaults } from './fault-history.ts'
import type { AgentPrincipal } from './gate/rooms.ts'
import type { Status } from './house-endpoints.ts'
import type { HouseActions } from './house-routes.ts'
import { roleSuffices } from './http/endpoint.ts'
import { httpProblem } from './http/problems.ts'
import { revokeShown } from './revoke-shown.ts'
import type { Rooms } from './rooms.ts'
import type { Settings } from './settings.ts'
import { settingsShown } from './settings-shown.ts'
import type { Opener } from './vault/contract.ts'
import { VERSION } from './version.ts'
import { wake } from './wake.ts'

export function houseActions(rooms: Rooms, settings: Settings): HouseActions<Who> {
  const { vault, identity, openCalls } = rooms
  return {
    version: VERSION,
    publicUrl: settings.publicUrl,
    clock: rooms.clock,
    gate: rooms.gate,
    vaultStatus: () => vault.state(),
    status: () => statusOf(rooms, settings),
    settings: () => settingsShown(settings),
    seal: async (reason) => rooms.seal(reason),
    unseal: (opener, accept, who) => unseal(rooms, settings, opener, accept, who),
    emergencyRevoke: async (who) => {
      const running = openCalls.total
      const by = actorOf(who)
      // In one turn: both stand in one transaction.
      const [epoch] = await Promise.all([identity.emergencyRevoke(by), rooms.approvals.withdrawAll(by)])
      return { epoch, stoppedCalls: running }
    },
    revokeLeaked: async (token) => void (await revokeShown(rooms, token)),
    agentOf: (who) => {
      if (who?.kind !== 'agent') throw httpProblem('unauthenticated')
      return who
    },
    agentNamed: (name): AgentPrincipal => {
      const agent = identity.requireAgent(name)
      const token = { id: 'tok_none' as never, status: 'active', expiresAt: Number.POSITIVE_INFINITY } as const
      return { kind: 'agent', agent, token }
    },
  }
}

async function statusOf(rooms: Rooms, settings: Settings): Promise<z.input<typeof Status>> {
  const { vault, identity, storage, audit, services, grants, openCalls, alerts } = rooms
  return {
    version: VERSION,
    url: rooms.url,
    ...operatorsAt(rooms),
    home: settings.home,
    startedAt: rooms.startedAt,
    vault: vault.state(),
    epoch: storage.epoch(),
    signIns: { addresses: settings.signInAddresses, geoip: rooms.signIns.geo.state },
    audit: { size: audit.size(), ...(settings.witnessFile !== undefined && { witness: settings.witnessFile }) },
    webhooks: await alerts.standing(),
    channels: rooms.channels.standing(),
    connections: connectionsOf(rooms),
    counts: {
      agents: identity.agentCount,
      services: services.list().length,
      credentials: vault.list().length,
      grants: grants.count,
      openCalls: openCalls.total,
    },
  }
}

function operatorsAt({ people, operatorPort }: Rooms) {
  const origin = people.room.parties()[0]?.origin
  return origin === undefined || operatorPort === undefined ? {} : { operators: origin, operatorPort }
}

function connectionsOf({ vault }: Rooms) {
  const all = vault.list().filter(({ connection }) => connection !== undefined)
  const needReauth = all.filter(({ status }) => status === 'needs_reauth').map(({ handle }) => handle)
  return { count: all.length, needReauth }
}

/**
 * The passphrase proves its bearer. The key file does not: any program of this user can point at it. So with the key
 * file the operator token is asked for too, which only the open vault can check: nothing is served before it is.
 */
async function unseal(
  rooms: Rooms,
  settings: Settings,
  opener: Opener | 'key file',
  accept: boolean,
  who: Who,
): Promise<void> {
  const { vault, storage, identity } = rooms
  await vault.unseal(opener === 'key file' ? { keyFile: settings.keyFile } : opener)
  if (opener === 'key file') {
    storage.authenticateWith(vault.keys().rowMac)
    await rooms.alarms.beforeTheLog(() => identity.load())
    const presented = who?.kind === 'unproven' ? who.token : ''
    const asks = identity.authenticate(presented)
    if (asks?.kind !== 'operator' || !roleSuffices(asks.operator.role, 'owner')) {
      rooms.seal('operator')
      throw httpProblem('unauthenticated', {
        hint: 'With the key file the operator token is needed too; the passphrase alone suffices.',
      })
    }
  }
  forgetFaults(settings.home)
  await wake(rooms, accept)
}
