import { z } from 'zod'
import type { OperatorId } from '../../ground/ids.ts'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, listOf, NameParam } from '../../http/shapes.ts'
import type { Actor } from '../../storage/storage.ts'
import type { Channels } from './channels.ts'
import {
  Candidate,
  type Channel,
  ChannelEdit,
  ChannelView,
  channelProblems,
  NewChannel,
  NewPerson,
} from './contract.ts'

const PATH = '/claviger/v1/channels'

export const listChannels = endpoint({
  method: 'GET',
  path: PATH,
  caller: 'operator',
  summary: 'Ways to reach people when something must be approved, and how they do',
  reply: listOf(ChannelView),
})

export const addChannel = endpoint({
  method: 'POST',
  path: PATH,
  caller: 'operator',
  summary: 'A bot that asks and takes answers. It reaches nobody before people are added',
  body: NewChannel,
  reply: ChannelView,
  status: 201,
  problems: channelProblems,
})

export const editChannel = endpoint({
  method: 'PUT',
  path: `${PATH}/{name}`,
  caller: 'operator',
  summary: 'Quiet hours, and how long others are asked before',
  params: NameParam,
  body: ChannelEdit,
  reply: ChannelView,
  problems: channelProblems,
})

export const removeChannel = endpoint({
  method: 'DELETE',
  path: `${PATH}/{name}`,
  caller: 'operator',
  summary: 'Remove a channel: what it asked cannot be answered there any more',
  params: NameParam,
  reply: Done,
  problems: channelProblems,
})

export const testChannel = endpoint({
  method: 'POST',
  path: `${PATH}/{name}/test`,
  caller: 'operator',
  summary: 'Send a message to everybody there now',
  params: NameParam,
  reply: z.object({ people: z.int() }),
  problems: channelProblems,
})

export const pairChannel = endpoint({
  method: 'POST',
  path: `${PATH}/{name}/pair`,
  caller: 'operator',
  summary: 'Wait ten minutes for people to write to the bot',
  params: NameParam,
  reply: ChannelView,
  problems: channelProblems,
})

export const listCandidates = endpoint({
  method: 'GET',
  path: `${PATH}/{name}/candidates`,
  caller: 'operator',
  role: 'owner',
  summary: 'Who wrote to the bot meanwhile',
  params: NameParam,
  reply: listOf(Candidate),
  problems: channelProblems,
})

export const addPerson = endpoint({
  method: 'POST',
  path: `${PATH}/{name}/people`,
  caller: 'operator',
  summary: 'Take one of them for an operator: their taps are this operator’s answers',
  params: NameParam,
  body: NewPerson,
  reply: ChannelView,
  problems: channelProblems,
})

export const removePerson = endpoint({
  method: 'DELETE',
  path: `${PATH}/{name}/people/{user}`,
  caller: 'operator',
  summary: 'Ask and tell somebody there no more; what they were asked cannot be answered by them any more',
  params: NameParam.extend({ user: z.string().min(1).max(254) }),
  reply: ChannelView,
  problems: channelProblems,
})

export interface ChannelRouteNeeds<Who> {
  readonly channels: Channels
  readonly actorOf: (who: Who) => Actor
  /** An operator by name or id, or the caller. Throws Problem `channel_operator_unknown`. */
  readonly operatorOf: (name: string | undefined, who: Who) => OperatorId
  readonly operatorName: (id: OperatorId) => string
}

export function channelRoutes<Who>({ channels, actorOf, ...needs }: ChannelRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  const view = (channel: Channel) => viewOf(channel, channels, needs.operatorName)
  return [
    bind(listChannels, () => ({ items: channels.list().map(view) })),
    bind(addChannel, async ({ body, caller }) => view(await channels.add(body, by(caller)))),
    bind(editChannel, async ({ params, body, caller }) => view(await channels.edit(params.name, body, by(caller)))),
    bind(removeChannel, async ({ params, caller }) => {
      await channels.remove(params.name, by(caller))
      return done
    }),
    bind(testChannel, async ({ params }) => ({ people: await channels.test(params.name) })),
    bind(pairChannel, ({ params }) => {
      const channel = channels.find(params.name)
      channels.pairing.open(channel.id)
      return view(channel)
    }),
    bind(listCandidates, ({ params }) => ({ items: channels.pairing.candidates(channels.find(params.name).id) })),
    bind(addPerson, async ({ params, body, caller }) => {
      const operator = needs.operatorOf(body.operator, caller as Who)
      return view(await channels.addPerson(params.name, body.user, operator, by(caller)))
    }),
    bind(removePerson, async ({ params, caller }) =>
      view(await channels.removePerson(params.name, params.user, by(caller))),
    ),
  ]
}

const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())

function viewOf(channel: Channel, channels: Channels, operatorName: (id: OperatorId) => string): ChannelView {
  const { id, kind, name, account, quiet, afterSeconds, createdAt } = channel
  const { failingSince, lastError, lastSuccessAt, foreign, refused } = channels.health(id)
  const people = channel.people.map(({ user, operator }) => ({ user, operator: operatorName(operator) }))
  return {
    ...{ id, kind, name, account, people, quiet, afterSeconds, foreign, refused },
    createdAt: new Date(createdAt).toISOString(),
    failingSince: iso(failingSince),
    lastError: failingSince === undefined ? undefined : lastError,
    lastSuccessAt: iso(lastSuccessAt),
  }
}
