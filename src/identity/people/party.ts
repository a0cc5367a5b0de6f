// Where operators' pages are, as browsers and authenticators see it: an origin, and the host name that passkeys are good for.

/** One such place. A passkey made at one is good at all that share its `rpId`. */
export interface Party {
  /** As browsers write it: `https://claviger.example.com`, `http://localhost:4318`. */
  readonly origin: string
  readonly rpId: string
  /** Nobody beyond this machine can be there: passkeys for `localhost` work on it alone. */
  readonly thisMachineOnly: boolean
}

export function partyAt(origin: string): Party {
  const { hostname } = new URL(origin)
  return { origin, rpId: hostname, thisMachineOnly: hostname === 'localhost' }
}

/** The place that a browser says it is at; undefined for any other, in any other spelling. */
export function partyOf(parties: readonly Party[], origin: string | undefined): Party | undefined {
  return parties.find((party) => party.origin === origin)
}
