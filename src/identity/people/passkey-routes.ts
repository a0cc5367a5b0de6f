// Endpoints about passkeys and recovery codes. A change of what one signs in with wants a fresh proof, whoever one is.
import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { Done, done, IdParam, listOf } from '../../http/shapes.ts'
import { type PeopleRouteNeeds, refuseUnlessOwn, sessionOf, viewPasskey } from './asked-by.ts'
import {
  AddPasskey,
  MAX_ANSWER,
  PasskeyView,
  PublicKeyOptions,
  peopleProblems,
  RecoveryCodes,
  RenamePasskey,
} from './contract.ts'
import { removePasskey, renamePasskey, requirePasskey } from './passkeys.ts'
import { newCodesInto } from './recovery.ts'
import { completeAdding, startAdding } from './registering.ts'
import { requireOperator } from './roster.ts'

/** What everybody does for themselves, whatever their role. */
const own = { caller: 'operator', role: 'auditor', problems: peopleProblems } as const
const change = { ...own, fresh: true } as const

export const listPasskeys = endpoint({
  ...own,
  method: 'GET',
  path: '/claviger/v1/passkeys',
  summary: 'List passkeys: everybody’s, or one operator’s',
  query: z.strictObject({ operator: z.string().min(1).max(128).optional() }),
  reply: listOf(PasskeyView),
})

export const startAddingPasskey = endpoint({
  ...change,
  method: 'POST',
  path: '/claviger/v1/passkeys/start',
  summary: 'Begin to add a passkey to one’s own',
  reply: PublicKeyOptions,
  recovery: true,
})

export const addPasskey = endpoint({
  ...change,
  method: 'POST',
  path: '/claviger/v1/passkeys',
  summary: 'Keep the passkey that was made; whoever came by a recovery code signs in with it then',
  body: AddPasskey,
  maxBody: MAX_ANSWER,
  reply: PasskeyView.extend({ recoveryCodes: RecoveryCodes.optional() }),
  status: 201,
  recovery: true,
})

export const renamePasskeyEndpoint = endpoint({
  ...own,
  method: 'PUT',
  path: '/claviger/v1/passkeys/{id}',
  summary: 'Give a passkey another name',
  params: IdParam,
  body: RenamePasskey,
  reply: PasskeyView,
})

export const removePasskeyEndpoint = endpoint({
  ...change,
  method: 'DELETE',
  path: '/claviger/v1/passkeys/{id}',
  summary:
    'Remove a passkey, one’s own or as an owner anybody’s, and end what it opened; the last one of an operator stays',
  params: IdParam,
  reply: Done,
})

export const renewRecoveryCodes = endpoint({
  ...change,
  method: 'POST',
  path: '/claviger/v1/people/recovery-codes',
  summary: 'Ten new recovery codes in the place of one’s old ones, shown this once',
  reply: z.object({ recoveryCodes: RecoveryCodes }),
  status: 201,
})

export function passkeyRoutes<Who>({ room, actorOf, operatorOf }: PeopleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => actorOf(caller as Who)
  const asks = (caller: unknown) => operatorOf(caller as Who)
  return [
    bind(listPasskeys, ({ query }) => {
      const whose = query.operator === undefined ? undefined : requireOperator(room.identity, query.operator).id
      const rows = whose === undefined ? room.book.passkeys() : room.book.passkeysOf(whose)
      return { items: rows.map((row) => viewPasskey(room, row)) }
    }),
    bind(startAddingPasskey, async ({ caller }) => ({ ...(await startAdding(room, sessionOf(asks(caller)))) })),
    bind(addPasskey, async ({ body, caller }) => {
      const { passkey, recoveryCodes } = await completeAdding(room, body, sessionOf(asks(caller)))
      const view = viewPasskey(room, passkey)
      return { ...view, ...(recoveryCodes !== undefined && { recoveryCodes: [...recoveryCodes] }) }
    }),
    bind(renamePasskeyEndpoint, async ({ params, body, caller }) => {
      refuseUnlessOwn(asks(caller), requirePasskey(room, params.id).operator)
      return viewPasskey(room, await renamePasskey(room, params.id, body.name, by(caller)))
    }),
    bind(removePasskeyEndpoint, async ({ params, caller }) => {
      refuseUnlessOwn(asks(caller), requirePasskey(room, params.id).operator)
      await removePasskey(room, params.id, by(caller))
      return done
    }),
    bind(renewRecoveryCodes, async ({ caller }) => {
      const { operator } = sessionOf(asks(caller))
      const recoveryCodes = await room.storage.write((tx) => newCodesInto(room, tx, operator, by(caller)))
      return { recoveryCodes }
    }),
  ]
}
