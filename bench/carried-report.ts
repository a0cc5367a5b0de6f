import { type Aim, aimLines, least, most, ratio } from './aims.ts'
import type { Chat } from './chat.ts'
import type { EventStreams } from './event-streams.ts'
import type { Tunnels, WaysAt } from './tunnels.ts'

export interface Carried {
  readonly tunnels: Tunnels
  readonly eventStreams: EventStreams
  readonly chat: Chat
}

/** The tables of what comes in other ways than a plain call, as Markdown. */
export function carriedReport({ tunnels, eventStreams, chat }: Carried): string {
  const { at1, at8, at64, opened } = tunnels
  const left = [tunnels.without, chat.without].filter((why) => why !== undefined)
  const { streams, eventsPerSecond, cpuUsPerEvent } = eventStreams
  return [
    ...aimLines([...tunnelAims(tunnels), ...eventAims(eventStreams), ...chatAims(chat)]),
    '',
    ...left.flatMap((why) => [`Not measured: ${why}.`, '']),
    'Over TLS on both sides, by CPU of the subject; the explicit call comes without TLS to the same service.',
    '',
    ...table('inside tunnels, one connection', at1),
    ...table('8 connections', at8),
    ...table('64 connections', at64),
    ...table('a new tunnel each time, CONNECT and handshake', opened),
    `${streams} streams of ${eventsPerSecond} events per second each: ${cpuUsPerEvent.toFixed(0)} µs CPU per event.`,
  ].join('\n')
}

function tunnelAims({ at1, at8, at64, opened }: Tunnels): readonly Aim[] {
  const cpu = (ways: WaysAt, name: string) => ways[name]?.cpuUs ?? Number.NaN
  const mitmproxy = cpu(at8, 'mitmproxy') / cpu(at8, 'claviger')
  return [
    least('inside a tunnel, of the explicit call at 8 connections, by CPU', 0.75, of(at8, 'explicit call', 'claviger')),
    least('calls per second and core inside tunnels, 64 connections', 10_000, 1e6 / cpu(at64, 'claviger')),
    least('of nginx from TLS to TLS, 64 connections, by CPU', 0.2, of(at64, 'nginx', 'claviger')),
    most('p50 inside one tunnel, ms', 0.5, at1.claviger?.p50Ms ?? Number.NaN),
    most('a new tunnel, p50 ms', 1.4, opened.claviger?.p50Ms ?? Number.NaN),
    most('a new tunnel, CPU µs', 480, cpu(opened, 'claviger')),
    ...(Number.isNaN(mitmproxy) ? [] : [least('of mitmproxy with a script, 8 connections, by CPU', 8, mitmproxy)]),
  ]
}

function eventAims({ streams, addedP50Ms, addedP99Ms }: EventStreams): readonly Aim[] {
  return [
    most(`added to an event's delay, ${streams} streams, p50 ms`, 3, addedP50Ms),
    most(`added to an event's delay, ${streams} streams, p99 ms`, 15, addedP99Ms),
  ]
}

const chatAims = ({ portkey }: Chat): readonly Aim[] =>
  portkey === undefined ? [] : [ratio('of the Portkey gateway, chat completions at 32 connections', 3, portkey)]

/** The other's CPU per call over the subject's. */
function of(ways: WaysAt, other: string, subject: string): number {
  return (ways[other]?.cpuUs ?? Number.NaN) / (ways[subject]?.cpuUs ?? Number.NaN)
}

function table(what: string, ways: WaysAt): string[] {
  const rows = Object.entries(ways).map(
    ([name, { perSecond, cpuUs, p50Ms, p99Ms }]) =>
      `| ${name} | ${Math.round(perSecond).toLocaleString('en')} | ${cpuUs.toFixed(1)} | ${p50Ms.toFixed(3)} | ${p99Ms.toFixed(2)} |`,
  )
  return [`| ${what} | per second | CPU µs | p50 ms | p99 ms |`, '|---|---|---|---|---|', ...rows, '']
}
