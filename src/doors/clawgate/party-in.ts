import { headerOf } from '../../http/header-of.ts'
import type { PlainAsked } from '../../http/plain-routes.ts'
import { peopleProblem } from '../../identity/people/contract.ts'
import { type Party, partyOf } from '../../identity/people/party.ts'
import type { PeopleNeeds } from './people-needs.ts'

/** Where the person is, as the authenticator will say: what `Origin` names, or where links lead. Throws Problem `origin_refused`. */
export function partyIn({ people, parties }: PeopleNeeds, { request }: PlainAsked): Party {
  const origin = headerOf(request.rawHeaders, 'origin')
  const all = [...people.room.parties(), ...parties]
  const party = origin === undefined ? all[0] : partyOf(all, origin)
  if (party === undefined) throw peopleProblem('origin_refused')
  return party
}
