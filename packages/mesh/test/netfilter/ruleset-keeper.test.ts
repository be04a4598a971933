import { describe, expect, test } from 'vitest';
import { RulesetKeeper } from '../../src/netfilter/ruleset-keeper.ts';
import { CHANGED_RULESET } from '../../src/plan/actual-host.ts';

describe('RulesetKeeper', () => {
  test('knows the loaded ruleset, and does not report its own load as a change by another program', async () => {
    const { keeper, table } = create();
    await keeper.load('one');
    table.change = 'changed';

    expect(await keeper.follow()).toBe(false);
    expect(keeper.loaded).toBe('one');
  });

  test('notices that another program changed the ruleset', async () => {
    const { keeper, table } = create();
    await keeper.load('one');
    table.text = 'the kernel has two';
    table.change = 'changed';

    expect(await keeper.follow()).toBe(true);
    expect(keeper.loaded).toBe(CHANGED_RULESET);
  });

  test('notices that another program deleted the table, without listing the table again', async () => {
    const { keeper, table } = create();
    await keeper.load('one');
    table.change = 'deleted';

    expect(await keeper.follow()).toBe(true);
    expect(keeper.loaded).toBeUndefined();
    expect(table.lists).toBe(1);
  });

  test('finds the table of an earlier agent, whose content is unknown', async () => {
    const { keeper, table } = create();
    table.text = 'something';
    await keeper.look();
    expect(keeper.loaded).toBe(CHANGED_RULESET);

    await keeper.remove();
    expect(keeper.loaded).toBeUndefined();
  });

  test('keeps the former ruleset when a load fails', async () => {
    const { keeper, table } = create();
    await keeper.load('one');
    table.fails = true;

    await expect(keeper.load('two')).rejects.toThrow('refused');
    expect(keeper.loaded).toBe('one');
  });
});

function create(): { keeper: RulesetKeeper; table: FakeTable } {
  const table = new FakeTable();
  return { keeper: new RulesetKeeper(table, table), table };
}

class FakeTable {
  text: string | undefined = undefined;
  change: 'deleted' | 'changed' | undefined = undefined;
  lists = 0;
  fails = false;

  async load(ruleset: string): Promise<void> {
    if (this.fails) throw new Error('refused');
    this.text = `the kernel has ${ruleset}`;
  }

  async remove(): Promise<void> {
    this.text = undefined;
  }

  async list(): Promise<string | undefined> {
    this.lists++;
    return this.text;
  }

  read(): 'deleted' | 'changed' | undefined {
    const { change } = this;
    this.change = undefined;
    return change;
  }
}
