// How people come who are no operators (CG-04): by an operator's invite to their address, or by a code that is sent there.
import { z } from 'zod'
import type { PlainAsked, PlainReply, PlainRoute } from '../../http/plain-routes.ts'
import { Email, type OperatorEntry } from '../../identity/contract.ts'
import { doorProblem, MAX_BODY_BYTES } from './contract.ts'
import { partyIn } from './party-in.ts'
import type { PeopleNeeds } from './people-needs.ts'
import { signedIn, userOfRequest } from './people-routes.ts'
import type { PersonTokens } from './person-tokens.ts'
import { readShape } from './read-shape.ts'

const RegisterBody = z.object({
  email: Email,
  displayName: z.string().trim().max(200).optional(),
  invite: z.string().max(128).optional(),
})
const VerifyBody = z.object({ code: z.string().min(1).max(32) })

/** What these routes work on. */
interface Desk {
  readonly needs: PeopleNeeds
  readonly tokens: PersonTokens
}

export function memberRoutes(needs: PeopleNeeds, tokens: PersonTokens): PlainRoute[] {
  const desk: Desk = { needs, tokens }
  const post = (path: `/${string}`, handle: (desk: Desk, asked: PlainAsked) => Promise<PlainReply>): PlainRoute => {
    return {
      method: 'POST',
      path: `/api/v1/auth${path}`,
      maxBody: MAX_BODY_BYTES,
      handle: (asked) => handle(desk, asked),
    }
  }
  return [post('/register', register), post('/verify-email', verifyEmail)]
}

/** With an invite a person is in at once; without one, where that is allowed, their token is for `verify-email` alone. */
async function register(desk: Desk, asked: PlainAsked): Promise<PlainReply> {
  const { needs, tokens } = desk
  const { members } = needs.people
  needs.limitRegister(asked.client.address)
  const { email, invite, displayName: given } = readShape(RegisterBody, await asked.json())
  const displayName = given === '' ? undefined : given
  needs.limitAccount('register', email)
  if (invite !== undefined && needs.registration !== 'closed') {
    return { ...(await opened(desk, asked, await members.join(email, invite, displayName))), status: 201 }
  }
  if (needs.registration !== 'open') throw doorProblem('clawgate_registration_closed')
  const request = await members.ask(email, displayName)
  needs.codeMade(request)
  return { status: 201, body: { user: userOfRequest(request), token: await tokens.issueRequest(request) } }
}

async function verifyEmail(desk: Desk, asked: PlainAsked): Promise<PlainReply> {
  desk.needs.limitPeople(asked.client.address)
  const { id, email } = desk.tokens.request(asked)
  const { code } = readShape(VerifyBody, await asked.json())
  desk.needs.limitAccount('verify-email', email)
  return opened(desk, asked, await desk.needs.people.members.prove(id, code))
}

/** Signed in, to make a passkey and for nothing else: whoever has one signs in with it. */
function opened(desk: Desk, asked: PlainAsked, { id }: OperatorEntry): Promise<PlainReply> {
  const party = partyIn(desk.needs, asked)
  const { session } = desk.needs.people.room.sessions.open({ operator: id, passkey: undefined, party })
  return signedIn(desk, session)
}
