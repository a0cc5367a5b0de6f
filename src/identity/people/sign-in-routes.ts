// Endpoints by which a person gets in: at the operators' pages alone, limited by address.
import { Answer, type BoundEndpoint, bind, endpoint } from '../../http/endpoint.ts'
import { cookieIn, opened, type PeopleRouteNeeds, partyFor, viewPasskey } from './asked-by.ts'
import {
  Assert,
  CompleteEnrolment,
  Enrolled,
  EnrolmentStarted,
  MAX_ANSWER,
  NewSession,
  PublicKeyOptions,
  peopleProblems,
  Recover,
  StartEnrolment,
} from './contract.ts'
import { completeSignIn, recover, startSignIn } from './proving.ts'
import { noting } from './refusals.ts'
import { completeEnrolment, startEnrolment } from './registering.ts'

const door = 'pages'
const person = { method: 'POST', caller: 'person', problems: peopleProblems } as const

export const startEnrolmentEndpoint = endpoint({
  ...person,
  path: '/claviger/v1/people/enrol/start',
  summary: 'Begin to make a passkey with a one-time link',
  body: StartEnrolment,
  reply: EnrolmentStarted,
})

export const completeEnrolmentEndpoint = endpoint({
  ...person,
  path: '/claviger/v1/people/enrol/complete',
  summary: 'Keep the passkey that was made and sign its maker in; the first comes with recovery codes, shown this once',
  body: CompleteEnrolment,
  maxBody: MAX_ANSWER,
  reply: Enrolled,
  status: 201,
})

export const startSignInEndpoint = endpoint({
  ...person,
  path: '/claviger/v1/people/sign-in/start',
  summary: 'Begin to sign in with a passkey; nobody says who they are',
  reply: PublicKeyOptions,
})

export const completeSignInEndpoint = endpoint({
  ...person,
  path: '/claviger/v1/people/sign-in/complete',
  summary: 'Sign in: sets the cookie __Host-clv, and says the csrf token that every request wants beside it',
  body: Assert,
  maxBody: MAX_ANSWER,
  reply: NewSession,
})

export const recoverEndpoint = endpoint({
  ...person,
  path: '/claviger/v1/people/recover',
  summary: 'Use a recovery code up, for a session of 15 minutes that may add a passkey and nothing else',
  body: Recover,
  reply: NewSession,
})

export function signInRoutesOfPeople<Who>(needs: PeopleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [...enrolmentRoutes(needs), ...signInRoutes(needs)]
}

function enrolmentRoutes<Who>({ room, limit }: PeopleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [
    bind(startEnrolmentEndpoint, async ({ body, rawHeaders, client, rid }) => {
      limit(client.address)
      const party = partyFor(room, rawHeaders)
      const starting = () => startEnrolment(room, body.token, party)
      const { operator, options } = await noting(room, { rid, how: 'enrol', door }, starting)
      const { name, role } = operator
      return { operator: { name, role }, thisMachineOnly: party.thisMachineOnly, options: { ...options } }
    }),
    bind(completeEnrolmentEndpoint, async ({ body, rawHeaders, client, rid }) => {
      limit(client.address)
      const party = partyFor(room, rawHeaders)
      const completing = () => completeEnrolment(room, body, party, cookieIn(rawHeaders))
      const made = await noting(room, { rid, how: 'enrol', door }, completing)
      const { reply, headers } = opened(room, made.opened)
      const { recoveryCodes } = made
      const passkey = viewPasskey(room, made.passkey)
      return new Answer(
        { ...reply, passkey, ...(recoveryCodes !== undefined && { recoveryCodes: [...recoveryCodes] }) },
        headers,
      )
    }),
  ]
}

function signInRoutes<Who>({ room, limit }: PeopleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  return [
    bind(startSignInEndpoint, async ({ rawHeaders, client }) => {
      limit(client.address)
      return { ...(await startSignIn(room, partyFor(room, rawHeaders))) }
    }),
    bind(completeSignInEndpoint, async ({ body: { response }, rawHeaders, client, rid }) => {
      limit(client.address)
      const party = partyFor(room, rawHeaders)
      return noting(room, { rid, how: 'sign-in', door, credential: response.id }, async () =>
        opened(room, await completeSignIn(room, response, party, cookieIn(rawHeaders))),
      )
    }),
    bind(recoverEndpoint, async ({ body, rawHeaders, client, rid }) => {
      limit(client.address)
      const party = partyFor(room, rawHeaders)
      return noting(room, { rid, how: 'recover', door }, async () =>
        opened(room, await recover(room, body.code, party, cookieIn(rawHeaders))),
      )
    }),
  ]
}
