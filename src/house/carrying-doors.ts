import type { IncomingMessage } from 'node:http'
import type { Who } from '../callers.ts'
import type { DataPlane } from '../data-plane.ts'
import type { Log } from '../ground/log.ts'
import type { EventStreams } from '../http/event-streams.ts'
import type { Handle } from '../http/listen.ts'
import type { Place } from '../listen-places.ts'
import type { Rooms } from '../rooms.ts'
import type { Settings } from '../settings.ts'
import { agentVault } from './agentvault.ts'
import { botMaker } from './botmaker.ts'
import { clauth } from './clauth.ts'
import { clawGate } from './clawgate.ts'

/** A door that carries calls and speaks a dialect of its own, on bare node:http: the control plane does not know it. */
export interface CarryingDoor {
  readonly name: string
  /** Whether a path is its own: what it begins with is no other door's. */
  owns(url: string): boolean
  readonly handle: Handle
  /** Whether a page of another site may ask it this; if absent none may. */
  mayCross?(request: IncomingMessage): boolean
  /** Where it listens by itself, if it does: there it answers everything. */
  readonly place: Place | undefined
}

/** What such doors are made of. */
export interface DoorParts {
  readonly rooms: Rooms
  readonly dataPlane: DataPlane
  readonly settings: Settings
  readonly log: Log
  readonly streams: EventStreams<Who>
}

/** Those that are open by the settings. */
export function carryingDoors(parts: DoorParts): readonly CarryingDoor[] {
  return [...clauth(parts), ...agentVault(parts), ...clawGate(parts), ...botMaker(parts)]
}

/** The door that a request is for. */
export function doorFor(doors: readonly CarryingDoor[], url: string): CarryingDoor | undefined {
  for (const door of doors) if (door.owns(url)) return door
  return undefined
}

/** Whether a page of another site may ask this at the agents' listener. */
export function mayCross(doors: readonly CarryingDoor[], request: IncomingMessage): boolean {
  return doorFor(doors, request.url as string)?.mayCross?.(request) === true
}
