// Ways past a gateway on another machine, as machines of their own and containers have them: what else listens there, and whoever routes.
import { linesOf } from './lines-of.ts'
import { addressOf, type Tried, tryTcp, tryUdp } from './try-way.ts'

export interface Place {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** What usually listens on machines that agents run on: shells, names, files, databases, engines of containers, models, other proxies, the gateway's own. */
const USUAL_PORTS = [
  ...[21, 22, 23, 25, 53, 80, 111, 139, 443, 445, 631, 873, 1080, 2049, 2375, 2376, 2379, 3000, 3128, 3306, 3389],
  ...[4317, 4318, 5000, 5432, 5672, 5900, 6379, 6443, 8000, 8006, 8080, 8081, 8443, 8888, 9000, 9090, 9200, 10250],
  ...[11211, 11434, 16509, 27017, 50051],
]

/** Whoever routes may be somebody else's machine: what many have, and the gateway's own. */
const ROUTER_PORTS = [22, 53, 80, 443, 4317, 4318]

type Try = readonly [what: string, tried: () => Promise<Tried>]

/** What to try at the gateway's machine, which is another than this, and at routers. */
export async function hostTries({ host, port }: Place, more: readonly number[]): Promise<Try[]> {
  // Whoever was asked has an entry among the neighbours.
  await tryTcp(host, port)
  const address = await addressOf(host)
  const ports = [...new Set([...USUAL_PORTS, ...more])]
  const routers = defaultRouters().filter((one) => one !== address)
  return [
    ...triesAt(
      host,
      ports.filter((other) => other !== port),
    ),
    ...linkLocalOf(address).flatMap((one) => triesAt(one, ports)),
    ...routers.flatMap((one) => triesAt(one, ROUTER_PORTS)),
  ]
}

function triesAt(host: string, ports: readonly number[]): Try[] {
  const byTcp = ports.map((port): Try => [placeText(host, port), () => tryTcp(host, port, true)])
  return [...byTcp, [`${placeText(host, 53)} by UDP`, () => tryUdp(host, 53, true)]]
}

export const placeText = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** Where the kernel sends what it has no other route for (proc(5)). */
export function defaultRouters(): string[] {
  const four = linesOf('/proc/net/route').flatMap((line) => {
    const [, to, by = '', , , , , mask] = line.trim().split(/\s+/)
    return to === '00000000' && mask === '00000000' && by !== '00000000' ? [hexToIpv4(by)] : []
  })
  const six = linesOf('/proc/net/ipv6_route', 0).flatMap((line) => {
    const [to = '', bits, , , by = '', ...rest] = line.trim().split(/\s+/)
    if (bits !== '00' || !/^0+$/.test(to) || /^0*$/.test(by)) return []
    const address = (by.match(/.{4}/g) ?? []).join(':')
    return [address.startsWith('fe80') ? `${address}%${rest.at(-1)}` : address]
  })
  return [...new Set([...four, ...six])]
}

/** As `/proc/net` writes addresses: the bytes of a word, the last first. */
export function hexToIpv4(hex: string): string {
  return [...Buffer.from(hex, 'hex')].reverse().join('.')
}

/** The address that a neighbour most often has by IPv6 although nobody gave it one (RFC 4291, appendix A). */
function linkLocalOf(address: string): string[] {
  const [, , , mac = '', , device] = (
    linesOf('/proc/net/arp').find((line) => line.startsWith(`${address} `)) ?? ''
  ).split(/\s+/)
  return /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && mac !== '00:00:00:00:00:00'
    ? [`${linkLocal(mac)}%${device}`]
    : []
}

export function linkLocal(mac: string): string {
  const [a = 0, b, c, d, e, f] = mac.split(':').map((byte) => Number.parseInt(byte, 16))
  const words = Buffer.from([a ^ 2, b!, c!, 0xff, 0xfe, d!, e!, f!])
    .toString('hex')
    .match(/.{4}/g)
  return `fe80::${words!.join(':')}`
}
