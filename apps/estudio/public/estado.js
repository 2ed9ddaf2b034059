// Says whether what is on the page is stored: `State.changed()` on every change; what is gathered and stored is heard of.
const State = (() => {
  const badge = document.getElementById('state');
  const PAUSE = 1200; // milliseconds without a change until it is saved
  let changes = 0, gathered = 0, timer;
  const show = (which) => {
    badge.textContent = badge.dataset[which];
    badge.className = `badge ${which === 'saved' ? 'good' : ['unsaved', 'saving'].includes(which) ? '' : 'bad'}`;
    badge.dataset.state = which;
  };
  const save = async () => {
    clearTimeout(timer);
    show('saving');
    await Cirrus.collect.save();
    if (badge.dataset.state !== 'saving') return;
    if (Object.keys(Cirrus.collect.pending()).length) show('offline'); else if (changes === gathered) show('saved'); else show('unsaved');
  };
  document.addEventListener('cirrus:stored', () => show(changes === gathered ? 'saved' : 'unsaved'));
  document.addEventListener('cirrus:offline', () => show('offline'));
  document.addEventListener('cirrus:conflict', () => show('conflict'));
  document.addEventListener('cirrus:error', () => show('refused'));
  addEventListener('beforeunload', (event) => { if (['unsaved', 'conflict'].includes(badge.dataset.state)) event.preventDefault(); });
  for (const form of document.querySelectorAll('form[data-confirm]')) {
    form.addEventListener('submit', (event) => { if (!confirm(form.dataset.confirm)) event.preventDefault(); });
  }
  for (const field of document.querySelectorAll('input[data-collect], select[data-collect]')) {
    field.addEventListener('input', () => State.changed());
  }
  return {
    changed() { changes++; show('unsaved'); clearTimeout(timer); timer = setTimeout(save, PAUSE); },
    // Called when the value is taken to be sent.
    taken(value) { gathered = changes; return value; },
  };
})();
