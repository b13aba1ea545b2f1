"""Following a forward leaves other threads' networks alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch

from models.finetune.small_cnn import small_cnn
from models.finetune.traced import traced
from tests.models.families import fresh, images_for


def test_other_threads_go_on_as_if_nothing_was_there() -> None:
    """torch.fx replaces the call of all modules in the process while it follows one."""
    network, batch = fresh("shufflenet_v2_x0_5"), images_for("shufflenet_v2_x0_5")
    with torch.no_grad():
        expected = network(batch)
    answers: list[bool] = []
    done = threading.Event()

    def predict() -> None:
        with torch.no_grad():
            while not done.is_set():
                answers.append(torch.equal(network(batch), expected))

    followed = fresh("efficientnet_b0")
    with ThreadPoolExecutor() as pool:
        predicting = [pool.submit(predict) for _ in range(2)]
        graphs = [traced(followed)]
        while (len(graphs) < 8 or len(answers) < 4) and len(graphs) < 200:
            graphs.append(traced(followed))
        done.set()
        for each in predicting:
            each.result()  # raises what the thread raised
    assert all(answers)
    assert len(answers) >= 4
    assert len({len(graph.nodes) for graph in graphs if graph is not None}) == 1
    assert all(graphs)


def test_two_threads_follow_at_once() -> None:
    graphs: list[object] = []
    networks = [small_cnn(3), small_cnn(4, 0.5)]
    threads = [
        threading.Thread(target=lambda network=network: graphs.extend(traced(network) for _ in range(10)))
        for network in networks
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(graphs) == 20
    assert None not in graphs
