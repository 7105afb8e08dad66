import type { Store } from '../../../src/store/store';
import { auditContract } from './audit';
import { filtersContract } from './filters';
import { importedTokenContract } from './imported-tokens';
import { keysContract } from './keys';
import { limitsContract } from './limits';
import { listingContract } from './listing';
import { modelContract } from './model';
import { outboxContract } from './outbox';
import { pagingContract } from './paging';
import { projectsContract } from './projects';
import { racesContract } from './races';
import { usageContract } from './usage';

/** How a suite gets at the store it tests. */
export interface StoreUnderTest {
  /** How many audit entries the store keeps per workspace. */
  readonly auditLimit: number;
  open(): Promise<Store>;
  close(): Promise<void>;
}

/** The contract of every store. Each test has workspaces of its own, so that all can share one store. */
export function storeContract(name: string, underTest: StoreUnderTest): void {
  describe(name, () => {
    let store: Store;
    beforeAll(async () => {
      store = await underTest.open();
    });
    afterAll(() => underTest.close(), 60_000);

    const getStore = () => store;
    keysContract(getStore);
    projectsContract(getStore);
    auditContract(getStore, underTest.auditLimit);
    listingContract(getStore);
    filtersContract(getStore);
    pagingContract(getStore);
    racesContract(getStore);
    importedTokenContract(getStore);
    usageContract(getStore);
    limitsContract(getStore);
    outboxContract(getStore);
    modelContract(getStore);
  });
}
