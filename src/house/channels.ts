// The ways to reach people, with what they need of the rooms beside them.
import type { Action } from '../approvals/action.ts'
import type { Approvals } from '../approvals/approvals.ts'
import { Channels } from '../approvals/channels/channels.ts'
import { channelProblem, type Page, type Told } from '../approvals/channels/contract.ts'
import { type ChannelRouteNeeds, channelRoutes } from '../approvals/channels/routes.ts'
import type { Approval } from '../approvals/contract.ts'
import { isTextWhole, shownAsText } from '../approvals/shown/as-text.ts'
import type { Standing } from '../approvals/shown/facts-of.ts'
import { shownAction } from '../approvals/shown/show-action.ts'
import { actorOf, type Who } from '../callers.ts'
import { insideOf } from '../channel-settings.ts'
import type { Clock } from '../ground/clock.ts'
import type { OperatorId } from '../ground/ids.ts'
import type { Log } from '../ground/log.ts'
import { parseOrigin } from '../ground/origin.ts'
import { Problem } from '../ground/problem.ts'
import type { BoundEndpoint } from '../http/endpoint.ts'
import { roleSuffices } from '../http/endpoint.ts'
import { createMailer } from '../http/mail.ts'
import { createOutbound } from '../http/outbound.ts'
import { createResolver } from '../http/resolve.ts'
import type { Identity } from '../identity/identity.ts'
import type { Party } from '../identity/people/party.ts'
import type { Rooms } from '../rooms.ts'
import type { Settings } from '../settings.ts'
import type { Storage } from '../storage/storage.ts'
import type { Vault } from '../vault/vault.ts'
import { isMembers } from './clawgate-people.ts'

/** Telegram takes 4,096 UTF-16 units. */
const MOST_CHARACTERS = 3_500

export interface ChannelNeeds {
  readonly storage: Storage
  readonly clock: Clock
  readonly vault: Vault
  readonly approvals: Approvals
  readonly identity: Identity
  /** Why a human is asked, as things stand now. */
  readonly standing: (action: Action) => Standing
  /** Where the operators' pages are, the one that links lead to first. */
  readonly parties: () => readonly Party[]
}

export function buildChannels(needs: ChannelNeeds, settings: Settings) {
  const { storage, clock, vault, approvals, identity, standing } = needs
  const root = settings.telegramApi
  return new Channels({
    ...{ storage, clock, approvals },
    box: {
      seal: (purpose, secret) => vault.sealKey(purpose, secret),
      open: (purpose, sealed) => vault.openKey(purpose, sealed),
    },
    outbound: createOutbound({ resolver: createResolver({ clock }) }),
    mailer: createMailer({ resolver: createResolver({ clock }) }),
    botApi: { root, allowed: insideOf(root) },
    answererOf: (id, approval) => (approval ? whoIsAsked(identity, id, approval) : answererOf(identity, id)),
    isOperator: (id) => isOperator(identity, id),
    pushServices: settings.pushServices.map((origin) => ({
      origin: parseOrigin(origin, { anyPort: true }),
      allowed: insideOf(origin),
    })),
    pushContact: settings.pushContact ?? settings.publicUrl,
    textOf: (approval) => textOf(approval, approvals, standing(approval.action), clock.now()),
    pageOf: ({ id }) => pageOf(id, needs.parties()),
    times: { quiet: settings.quietHours, breaks: settings.quietExcept, escalateSeconds: settings.escalateAfter },
  })
}

/** What a member's agent asks is the member's to answer: strangers do not ring at operators. */
function whoIsAsked(identity: Identity, id: OperatorId, { agent, action }: Approval) {
  if (action.terms.notBy === id) return undefined
  const asking = identity.findAgent(agent)
  if (asking === undefined || !isMembers({ identity }, asking)) return answererOf(identity, id)
  const member = asking.owner === id ? identity.room.directory.operator(id) : undefined
  return member?.status === 'active' ? { name: member.name } : undefined
}

/** Of whatever role; members and those who are gone are none. */
function isOperator({ room }: Identity, id: OperatorId): boolean {
  const role = room.directory.operator(id)?.role
  return role !== undefined && role !== 'member'
}

/** An operator who may answer approvals now. */
function answererOf(identity: Identity, id: OperatorId) {
  const known = [...identity.room.directory.operators()].find((operator) => operator.id === id)
  const may = known !== undefined && known.status === 'active' && roleSuffices(known.role, 'approver')
  return may ? { name: known.name } : undefined
}

/** The same that is drawn everywhere, of the stored action and its body alone. */
async function textOf(approval: Approval, approvals: Approvals, standing: Standing, now: number): Promise<Told> {
  const { action, contentType, id } = approval
  const body = await approvals.bodyOf(id).catch(() => undefined)
  const shown = shownAction({ action, body, contentType, now, standing })
  const options = { maxCharacters: MOST_CHARACTERS }
  const read = body !== undefined || !('body' in action) || action.body === undefined
  return { text: shownAsText(shown, options), whole: read && isTextWhole(shown, options) }
}

function pageOf(id: string, [party]: readonly Party[]): Page | undefined {
  return party && { url: `${party.origin}/approvals/${id}`, thisMachineOnly: party.thisMachineOnly }
}

export function channelEndpoints({ channels, identity }: Rooms): BoundEndpoint<Who>[] {
  const operators = () => [...identity.room.directory.operators()]
  const operatorOf: ChannelRouteNeeds<Who>['operatorOf'] = (name, who) => {
    const wanted = name ?? (who?.kind === 'operator' ? who.id : '')
    const found = operators().find((one) => one.id === wanted || (one.name === wanted && one.status === 'active'))
    if (found === undefined || answererOf(identity, found.id) === undefined)
      throw channelProblem('channel_operator_unknown')
    return found.id
  }
  const operatorName = (id: OperatorId) => operators().find((one) => one.id === id)?.name ?? id
  return channelRoutes<Who>({ channels, actorOf, operatorOf, operatorName })
}

export const TELEGRAM_BOT_TOKEN = 'TELEGRAM_BOT_TOKEN'
export const TELEGRAM_CHAT_ID = 'TELEGRAM_CHAT_ID'

/** A bot and a chat as the systems before this one were given them. The token is sealed and taken out of the environment. */
export async function takeTelegram(env: NodeJS.ProcessEnv, rooms: Rooms, log: Log): Promise<void> {
  const token = env[TELEGRAM_BOT_TOKEN]
  const chat = env[TELEGRAM_CHAT_ID]
  delete env[TELEGRAM_BOT_TOKEN]
  if (token === undefined || token === '') return
  const name = TELEGRAM_BOT_TOKEN
  // In a chat of one person with the bot its id is the person's; a group has no one person who answers.
  if (chat === undefined || !/^[1-9][0-9]{0,19}$/.test(chat)) {
    return log.error({ name }, `${TELEGRAM_CHAT_ID} must be the id of one person's own chat: nothing was taken over`)
  }
  if (rooms.vault.state().state !== 'unsealed') {
    return log.error({ name }, 'the vault is sealed: nothing was taken over. Start again when it opens by itself')
  }
  try {
    await sealTelegram(token, chat, rooms)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    log.error({ name, code: error.code }, 'the bot was not taken over')
  }
}

/** Once: what was changed since stays. */
async function sealTelegram(token: string, chat: string, { channels, identity }: Rooms): Promise<void> {
  const by = { kind: 'system', id: 'claviger' } as const
  const operator = identity.room.directory
  const first = [...operator.operators()].filter((one) => one.status === 'active' && one.role === 'owner')
  const [owner] = first.sort((one, other) => one.createdAt - other.createdAt)
  if (owner === undefined || channels.usesBot(token)) return
  const { id } = await channels.addUnasked({ kind: 'telegram', token }, by)
  await channels.addKnown(id, { user: chat, place: chat, operator: owner.id }, by)
}
