/** Names that no public name system answers for: RFC 6761, 6762, 7686, 8375, 9476, ICANN's `.internal`, and habits. */
const INSIDE_ONLY =
  /(?:^|\.)(?:alt|corp|home|home\.arpa|internal|intranet|invalid|lan|local|localdomain|localhost|onion|private|test)$/

/** Whether the name only has a meaning inside some network: one label, or under a private-use or special-use name. */
export function isInsideName(host: string): boolean {
  return !host.includes('.') || INSIDE_ONLY.test(host)
}

/** RFC 6761 §6.3: this name and all below it are the loopback addresses, whoever is asked. */
export function isLocalhost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost')
}
