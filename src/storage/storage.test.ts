import { testDatabase } from './fixture.ts'
import { conformanceMigrations, storageConformance } from './storage.conformance.ts'

storageConformance('SQLite', () => testDatabase(conformanceMigrations))
